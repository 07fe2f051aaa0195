/** Passwords of users: kept as SHA-256 in hexadecimal, compared in constant time. */
import * as crypto from 'node:crypto';

const HASH = /^[0-9a-f]{64}$/;
export const PASSWORD_BITS_MAX = 4096;
export const PASSWORD_BITS_TEXT =
  'ERR ACL GENPASS argument must be the number of bits for the output password, a positive ' +
  `number up to ${PASSWORD_BITS_MAX}`;

/** At a third of the time of a hash object; Node.js has it from 20.12 on. */
const hashAtOnce = crypto.hash as typeof crypto.hash | undefined;
const HASH_CHARACTERS = 64;
const givenHash = Buffer.alloc(HASH_CHARACTERS);
const knownHash = Buffer.alloc(HASH_CHARACTERS);

/** @param password one char a byte */
export function hashPassword(password: string): string {
  const bytes = Buffer.from(password, 'latin1');
  if (hashAtOnce !== undefined) return hashAtOnce('sha256', bytes, 'hex');
  return crypto.createHash('sha256').update(bytes).digest('hex');
}

export function isPasswordHash(text: string): boolean {
  return HASH.test(text);
}

/** Whether one of the hashes is that of the password. All are compared, whichever one matches. */
export function matchesPassword(hashes: readonly string[], password: string): boolean {
  givenHash.write(hashPassword(password), 'latin1');
  let matches = false;
  for (const hash of hashes) {
    knownHash.write(hash, 'latin1');
    if (crypto.timingSafeEqual(givenHash, knownHash)) matches = true;
  }
  return matches;
}

/** A random password of so many bits, rounded up to whole hexadecimal digits; null out of range. */
export function generatePassword(bits: number): string | null {
  if (!(bits > 0 && bits <= PASSWORD_BITS_MAX)) return null;
  const digits = Math.ceil(bits / 4);
  return crypto
    .randomBytes(Math.ceil(digits / 2))
    .toString('hex')
    .slice(0, digits);
}
