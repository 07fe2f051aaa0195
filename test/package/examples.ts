/** The examples of docs/embedding.md, as files. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rootDirectory } from '../support/server.js';

const EXAMPLE = /<!-- file: ([\w./-]+) -->\n```js\n([\s\S]*?)```/g;

/** Writes those below `folder/` into `target`. @returns their paths there */
export function writeExamples(folder: string, target: string): string[] {
  const text = readFileSync(join(rootDirectory, 'docs/embedding.md'), 'utf8');
  const paths: string[] = [];
  for (const [, path = '', code = ''] of text.matchAll(EXAMPLE)) {
    if (!path.startsWith(`${folder}/`)) continue;
    const file = join(target, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
    paths.push(file);
  }
  if (paths.length === 0) throw new Error(`docs/embedding.md has no examples for ${folder}`);
  return paths;
}
