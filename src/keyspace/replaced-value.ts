/** An owning value (values/value-type.ts) while another takes its place: its pages are freed after. */
import { copyBytes, Region } from '../base/region.js';
import type { StoredValue } from '../values/value-type.js';

/** Bytes that refer to pages are not longer. */
const ROOT_BYTES_MAX = 128;

export class ReplacedValue implements StoredValue {
  readonly region = new Region(new SharedArrayBuffer(ROOT_BYTES_MAX), 0);
  readonly valueOffset = 0;
  kind = 0;
  expiry = 0;
  valueLength = 0;
  space!: StoredValue['space'];

  keep(value: StoredValue): void {
    this.kind = value.kind;
    this.valueLength = value.valueLength;
    this.space = value.space;
    copyBytes(this.region, 0, value.region, value.valueOffset, value.valueLength);
  }
}
