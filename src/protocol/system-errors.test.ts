import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { systemErrorText } from './system-errors.js';

test('errors of the system have the words of strerror, others a number', () => {
  const { errno } = constants;
  assert.equal(systemErrorText(errno.EFBIG), 'File too large');
  assert.equal(systemErrorText(errno.EDQUOT), 'Disk quota exceeded');
  assert.equal(systemErrorText(errno.EIO), 'Input/output error');
  assert.equal(systemErrorText(9999), 'Unknown error 9999');
});
