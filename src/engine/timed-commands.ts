/**
 * Which commands are timed at every call. The others take microseconds: reading the clock twice would
 * cost as much as some of them do, so one in many is timed (execution.ts). A command's documented
 * complexity tells the two apart.
 */

/** As many steps as the command has arguments, which execution.ts looks at. */
const STEPS_OF_ARGUMENTS =
  /^O\((N|M\*log\(N\))\) (where|with) .*the number of (arguments to the command|elements (being checked|to be removed\.$)|fields (being|to be) |keys (that will be|to (check|retrieve|set))|members (being requested|to be removed)|provided keys|specified fields)/;
const SHORT_STEPS = /^O\((1|log\(N\))\)/;

/** Whether a command of this complexity may take long although it has few arguments. */
export function takesItsTime(complexity: string): boolean {
  return !SHORT_STEPS.test(complexity) && !STEPS_OF_ARGUMENTS.test(complexity);
}
