/** Streams, as the registry of types knows them: see layout.ts for how they lie in memory. */
import { PAGE_BYTES } from '../../base/limits.js';
import { Region } from '../../base/region.js';
import { rebuilding } from '../rebuilding.js';
import type { ValueType } from '../value-type.js';
import { FieldReader } from './block.js';
import { copyStream } from './copy.js';
import { emitStream, emitStreamPart } from './effects.js';
import { StreamLoader, saveStream } from './file.js';
import { STREAM_KIND, STREAM_ROOT_BYTES, TYPE_STREAM } from './layout.js';
import { streamParts } from './native-parts.js';
import { serializedStream } from './serialized.js';
import { idText, StreamId } from './stream-id.js';
import { builtRoot, freedStream, streamOfValue } from './views.js';

const INTEGER_TEXT_BYTES = 24;
const FULL_STOP = 46;

const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);
const fields = new FieldReader();
const lowest = new StreamId();

export const streamType: ValueType = {
  name: 'stream',
  number: TYPE_STREAM,
  digestNumber: 6,
  kinds: [STREAM_KIND],
  owningKinds: [STREAM_KIND],
  verifiedKinds: [STREAM_KIND],

  encoding: () => 'stream',
  references: () => 1,

  memory(value) {
    return streamOfValue(value).allocatedPages * PAGE_BYTES;
  },

  serializedLength: serializedStream,

  digest(value, digest) {
    const stream = streamOfValue(value);
    for (let more = stream.seek(lowest); more; more = stream.next()) {
      digest.mix(idText, 0, stream.id.writeText(idText, 0, FULL_STOP));
      stream.fields(fields);
      while (fields.left > 0) {
        fields.next();
        digest.mix(fields.region, fields.nameOffset, fields.nameLength);
        if (fields.isInteger) {
          fields.copyValue(text, 0);
          digest.mix(text, 0, fields.valueLength);
        } else digest.mix(fields.region, fields.valueOffset, fields.valueLength);
      }
    }
  },

  effects: rebuilding(emitStream),
  parts: {
    order: 'id',
    count: (value) => streamOfValue(value).length,
    emit: emitStreamPart,
  },
  nativeParts: streamParts,
  save: saveStream,
  newLoader: () => new StreamLoader(),

  copy(value, space, copied) {
    if (!copyStream(value, space)) return false;
    copied.region = builtRoot;
    copied.offset = 0;
    copied.length = STREAM_ROOT_BYTES;
    return true;
  },

  freeStep(value, budgetPages) {
    return freedStream(value).reclaimStep(budgetPages);
  },

  verify: () => false,
};
