/**
 * PNG with a palette: reads what Chromium writes (8 bits a channel, RGB or RGBA, not interlaced) and writes
 * at most 256 colours, the most frequent ones; each other pixel takes the nearest of them.
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
const COLOURS_MAX = 256;

export function reduceColours(png: Buffer): Buffer {
  const { width, height, channels, data } = decode(png);
  const pixels = unfilter(data, width * channels, height, channels);
  const colours = new Map<number, number>();
  const keys = new Uint32Array(width * height);
  for (let i = 0; i < keys.length; i++) {
    const at = i * channels;
    keys[i] = (pixels[at]! << 16) | (pixels[at + 1]! << 8) | pixels[at + 2]!;
    colours.set(keys[i]!, (colours.get(keys[i]!) ?? 0) + 1);
  }
  const palette = [...colours]
    .sort(([, one], [, other]) => other - one)
    .slice(0, COLOURS_MAX)
    .map(([colour]) => colour);
  const indexes = new Map([...colours.keys()].map((key) => [key, nearest(palette, key)]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows[y * (width + 1) + 1 + x] = indexes.get(keys[y * width + x]!)!;
    }
  }
  return encode(width, height, palette, rows);
}

function decode(png: Buffer) {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const channels = png[25] === 6 ? 4 : 3;
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') {
      parts.push(png.subarray(at + 8, at + 8 + length));
    }
    at += length + 12;
  }
  return { width, height, channels, data: inflateSync(Buffer.concat(parts)) };
}

function unfilter(data: Buffer, rowBytes: number, height: number, channels: number): Buffer {
  const pixels = Buffer.alloc(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = data[y * (rowBytes + 1)]!;
    for (let x = 0; x < rowBytes; x++) {
      const left = x >= channels ? pixels[y * rowBytes + x - channels]! : 0;
      const up = y > 0 ? pixels[(y - 1) * rowBytes + x]! : 0;
      const corner = x >= channels && y > 0 ? pixels[(y - 1) * rowBytes + x - channels]! : 0;
      const base = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!;
      pixels[y * rowBytes + x] = data[y * (rowBytes + 1) + 1 + x]! + base;
    }
  }
  return pixels;
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const distances = [left, up, corner].map((value) => Math.abs(estimate - value));
  return [left, up, corner][distances.indexOf(Math.min(...distances))]!;
}

function nearest(palette: readonly number[], colour: number): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < palette.length; i++) {
    const other = palette[i]!;
    const red = (other >> 16) - (colour >> 16);
    const green = ((other >> 8) & 255) - ((colour >> 8) & 255);
    const blue = (other & 255) - (colour & 255);
    const distance = red * red + green * green + blue * blue;
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

function encode(width: number, height: number, palette: readonly number[], rows: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits, by palette.
  header.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(palette.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]));
  const data = deflateSync(rows, { level: 9 });
  const chunks = [chunk('IHDR', header), chunk('PLTE', colours), chunk('IDAT', data)];
  return Buffer.concat([SIGNATURE, ...chunks, chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(content.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}
