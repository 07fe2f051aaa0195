import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArgumentSpecification } from './definition.js';
import { syntaxOf } from './syntax.js';

const on: ArgumentSpecification = { name: 'on', type: 'pure-token', token: 'ON' };
const off: ArgumentSpecification = { name: 'off', type: 'pure-token', token: 'OFF' };
const count: ArgumentSpecification = { name: 'n', type: 'integer', token: 'COUNT' };

test('arguments read as documentation writes them', () => {
  const cases: [string, ArgumentSpecification][] = [
    ['key', { name: 'key', type: 'key' }],
    ['COUNT n', count],
    ['[COUNT n]', { ...count, flags: ['optional'] }],
    ['key [key ...]', { name: 'key', type: 'key', flags: ['multiple'] }],
    ['PREFIX p [p ...]', { name: 'p', type: 'string', token: 'PREFIX', flags: ['multiple'] }],
    [
      '[PREFIX p [PREFIX p ...]]',
      {
        name: 'p',
        type: 'string',
        token: 'PREFIX',
        flags: ['optional', 'multiple', 'multiple_token'],
      },
    ],
    ['<ON | OFF>', { name: 'x', type: 'oneof', arguments: [on, off] }],
    ['[ON | OFF]', { name: 'x', type: 'oneof', flags: ['optional'], arguments: [on, off] }],
    ['MODE <ON | OFF>', { name: 'x', type: 'oneof', token: 'MODE', arguments: [on, off] }],
    [
      '[MODE <ON | OFF>]',
      { name: 'x', type: 'oneof', token: 'MODE', flags: ['optional'], arguments: [on, off] },
    ],
    ['ON COUNT n', { name: 'x', type: 'block', arguments: [on, count] }],
  ];
  for (const [text, specification] of cases) assert.equal(syntaxOf([specification]), text);
  assert.equal(syntaxOf([on, { ...count, flags: ['optional'] }]), 'ON [COUNT n]');
  assert.equal(syntaxOf(), '');
});
