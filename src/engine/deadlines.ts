/** What has a deadline, the earliest first: a binary heap whose members know their place. */
export interface Dated {
  deadlineMs: number;
  /** Place in the heap, -1 outside of it. */
  heapIndex: number;
}

export class Deadlines<T extends Dated> {
  private readonly items: T[] = [];

  get count(): number {
    return this.items.length;
  }

  get first(): T | undefined {
    return this.items[0];
  }

  add(item: T): void {
    item.heapIndex = this.items.length;
    this.items.push(item);
    this.rise(item);
  }

  /** Does nothing when the item is not there. */
  remove(item: T): void {
    const { items } = this;
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = items.pop()!;
    if (last === item) return;
    items[index] = last;
    last.heapIndex = index;
    this.rise(last);
    this.sink(last);
  }

  private rise(item: T): void {
    const { items } = this;
    let index = item.heapIndex;
    while (index > 0) {
      const parent = items[(index - 1) >> 1]!;
      if (parent.deadlineMs <= item.deadlineMs) break;
      items[index] = parent;
      parent.heapIndex = index;
      index = (index - 1) >> 1;
    }
    items[index] = item;
    item.heapIndex = index;
  }

  private sink(item: T): void {
    const { items } = this;
    let index = item.heapIndex;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= items.length) break;
      const right = items[child + 1];
      if (right !== undefined && right.deadlineMs < items[child]!.deadlineMs) child++;
      const earlier = items[child]!;
      if (earlier.deadlineMs >= item.deadlineMs) break;
      items[index] = earlier;
      earlier.heapIndex = index;
      index = child;
    }
    items[index] = item;
    item.heapIndex = index;
  }
}
