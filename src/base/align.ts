/** The next multiple of 8 bytes. */
export function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}
