/**
 * The page's files, as the build has put them together (scripts/console.mjs). Only these names are served.
 * The page may load nothing from elsewhere, run no script that stands in it, and make no markup of texts.
 */
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { answerText } from '../http/route.js';

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/console': ['index.html', 'text/html; charset=utf-8'],
  '/console/': ['index.html', 'text/html; charset=utf-8'],
  '/console/console.js': ['console.js', 'text/javascript; charset=utf-8'],
  '/console/console.css': ['console.css', 'text/css; charset=utf-8'],
  '/console/icon.svg': ['icon.svg', 'image/svg+xml'],
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

export async function servePage(
  folder: URL,
  path: string,
  response: ServerResponse,
): Promise<void> {
  const found = Object.hasOwn(FILES, path) ? FILES[path]! : null;
  if (found === null) {
    answerText(response, 404, 'Not found');
    return;
  }
  const [file, type] = found;
  let content: Buffer;
  try {
    content = await readFile(new URL(file, folder));
  } catch {
    answerText(response, 404, 'The console was not built: npm run build');
    return;
  }
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Security-Policy', POLICY);
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Content-Length', content.length);
  response.end(content);
}
