/** Which commands a Redis of version 7.0 does not know: effects that name them cannot be sent to it. */
const KNOWN_MAJOR = 7;

/** @returns their names in upper case */
export function laterCommands(
  commands: Iterable<{ readonly name: string; readonly since: string }>,
): string[] {
  const later: string[] = [];
  for (const { name, since } of commands) {
    const [major, minor] = since.split('.').map(Number);
    const isLater = major! > KNOWN_MAJOR || (major === KNOWN_MAJOR && minor! > 0);
    if (isLater && !name.includes('|')) later.push(name.toUpperCase());
  }
  return later;
}
