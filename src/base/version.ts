/** What the server calls itself. */

/** Held equal to package.json by version.test.ts. */
export const DARTER_VERSION = '0.1.0';

/** The Redis whose behaviour this server reproduces, which clients ask about. */
export const REDIS_VERSION = '7.0.15';

/** The oldest major version of Node.js that can run it: `engines` in package.json. */
const NODE_MAJOR_LEAST = 20;

/** Why this Node.js cannot run it, or ''. */
export function nodeFault(version = process.versions.node): string {
  const isTooOld = Number.parseInt(version, 10) < NODE_MAJOR_LEAST;
  return isTooOld ? `Darter needs Node.js ${NODE_MAJOR_LEAST} or later; this is ${version}` : '';
}
