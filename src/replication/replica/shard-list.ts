/**
 * A list of shards of bounded length that is filled and emptied for every transaction. It keeps its
 * memory: an array that is emptied gives it away, and gets new memory with the next push.
 */
export class ShardList {
  count = 0;
  private readonly places: Int32Array;

  constructor(max: number) {
    this.places = new Int32Array(max);
  }

  at(index: number): number {
    return this.places[index]!;
  }

  /** @throws when it is full */
  push(shard: number): void {
    if (this.count === this.places.length) throw new Error('a list of shards is full');
    this.places[this.count++] = shard;
  }

  /** Removes the last one. @returns -1 when there is none */
  pop(): number {
    return this.count === 0 ? -1 : this.places[--this.count]!;
  }

  /** The last one, -1 when there is none. */
  get top(): number {
    return this.count === 0 ? -1 : this.places[this.count - 1]!;
  }

  clear(): void {
    this.count = 0;
  }

  has(shard: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.places[i] === shard) return true;
    return false;
  }
}
