/** What a client of a proxy sees. */
import { RawClient } from '../support/client.js';
import { textOf } from '../support/reply.js';

/** One command through the proxy, on a new connection; what went wrong as text. */
export async function askThrough(port: number, ...words: string[]): Promise<string> {
  try {
    const client = await RawClient.connect({ port });
    try {
      return textOf(await client.command(...words));
    } finally {
      await client.close();
    }
  } catch (error) {
    return `lost: ${(error as Error).message}`;
  }
}
