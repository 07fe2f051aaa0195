/** Picks the command definitions out of the modules that hold them. */
import type { AnyDefinition } from './registry.js';

function isDefinition(value: unknown): value is AnyDefinition {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'arity' in value &&
    ('run' in value || 'container' in value)
  );
}

/** Every definition that any of the modules exports, containers before their subcommands. */
export function definitionsOf(modules: readonly object[]): AnyDefinition[] {
  return modules.flatMap((module) => Object.values(module).filter(isDefinition));
}
