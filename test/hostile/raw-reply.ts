/** The reply to a command, however long and deep: its bytes are counted, not understood. */
import { connect } from 'node:net';

const HEAD_BYTES = 200;
const END = '+PONG\r\n';

/** @returns the first bytes of the reply. PING follows the command, so its reply ends it. */
export function rawReply(
  port: number,
  words: readonly string[],
  withinMs: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let head = '';
    let tail = '';
    const timer = setTimeout(
      () => socket.destroy(new Error(`no reply in ${withinMs} ms`)),
      withinMs,
    );
    socket.on('data', (bytes: Buffer) => {
      if (head.length < HEAD_BYTES) head += bytes.toString('latin1', 0, HEAD_BYTES);
      tail = (tail + bytes.subarray(-END.length).toString('latin1')).slice(-END.length);
      if (tail === END) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      if (tail === END) resolve(head.slice(0, HEAD_BYTES));
      else reject(new Error(`the connection was closed: ${head.slice(0, HEAD_BYTES)}`));
    });
    socket.cork();
    socket.write(`*${words.length}\r\n`);
    for (const word of words) socket.write(Buffer.from(`$${word.length}\r\n${word}\r\n`, 'latin1'));
    socket.write('*1\r\n$4\r\nPING\r\n');
    socket.uncork();
  });
}
