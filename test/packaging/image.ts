/** Builds the image as a folder, and runs it as the container would be run: as its user, with its entry point. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { claimPort } from '../support/ports.js';
import { rootDirectory, type Server, spawnServer, untilReady } from '../support/server.js';
import { Builder, type Image, readDockerfile } from './dockerfile.js';

export const DOCKERFILE = join(rootDirectory, 'packaging/docker/Dockerfile');

/** The image of this build: its first step has been done by whoever started the tests. */
export function imageOfThisBuild(folder: string): Image {
  const packed = JSON.parse(readFileSync(join(rootDirectory, 'package.json'), 'utf8')) as {
    files: string[];
  };
  const names = packed.files.filter((name) => !name.startsWith('!'));
  const bringSources = (target: string): void => {
    for (const name of ['package.json', 'package-lock.json', 'packaging', ...names]) {
      cpSync(join(rootDirectory, name), join(target, name), { recursive: true });
    }
  };
  return new Builder(folder, bringSources, 'build.mjs').build(readDockerfile(DOCKERFILE));
}

/** The image of what is committed, with all steps, from an empty folder. */
export function imageOfClone(folder: string): Image {
  const clone = (target: string): void => {
    const { status } = spawnSync('git', ['clone', '-q', rootDirectory, target]);
    if (status !== 0) throw new Error('git clone failed');
  };
  return new Builder(folder, clone).build(readDockerfile(DOCKERFILE));
}

/** Paths of the image as they are here, and its program as the one of this machine. */
export function inImage(image: Image, words: readonly string[]): string[] {
  return words.map((word) => {
    if (word === '/nodejs/bin/node') return process.execPath;
    return word.startsWith('/') ? join(image.root, word) : word;
  });
}

/** The command that drops root's rights as the image's USER does; nothing to drop without them. */
export function asUser(image: Image, words: readonly string[]): string[] {
  const [uid, gid] = image.user.split(':') as [string, string];
  if (process.getuid?.() !== 0) return [...words];
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--', ...words];
}

/** Lets the image's user reach what root has made, and own its data. */
export function giveToUser(image: Image, folder: string): void {
  chmodSync(folder, 0o755);
  if (process.getuid?.() !== 0) return;
  const [uid, gid] = image.user.split(':').map(Number) as [number, number];
  chownSync(join(image.root, 'data'), uid, gid);
}

export async function startContainer(
  image: Image,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  password: string,
): Promise<Server> {
  const port = await claimPort();
  const words = asUser(image, [...inImage(image, image.entrypoint), ...args]);
  const more = ['--port', String(port), '--dir', join(image.root, image.workingFolder)];
  const server = spawnServer('darter', words[0]!, [...words.slice(1), ...more], port, env);
  await untilReady(server, password);
  return server;
}
