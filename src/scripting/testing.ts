/** Helpers for tests of scripts. */
import { Environment, type EnvironmentOptions, inputOf, LuaError } from './environment.js';
import { type CommandArgument, commandText, type ScriptHost } from './library/redis.js';
import { LuaTable } from './runtime/table.js';
import type { LuaValue } from './runtime/values.js';

/** A host that knows no command and keeps what it is told. */
export class FakeHost implements ScriptHost {
  readonly calls: (readonly string[])[] = [];
  readonly logged: string[] = [];
  respVersion = 2;
  replicationFlags = 3;
  /** Answers a call. */
  answer: (args: readonly string[]) => LuaValue = () => undefined;

  demand(): void {}

  call(args: readonly CommandArgument[]): LuaValue {
    const reply = this.pcall(args);
    if (reply instanceof LuaTable && reply.getString('err') !== undefined)
      throw new LuaError(reply);
    return reply;
  }

  perform(args: readonly CommandArgument[]): void {
    this.call(args);
  }

  pcall(args: readonly CommandArgument[]): LuaValue {
    const texts = args.map(commandText);
    this.calls.push(texts);
    return this.answer(texts);
  }

  log(level: number, message: string): void {
    this.logged.push(`${level} ${message}`);
  }

  setResp(version: number): void {
    this.respVersion = version;
  }

  setReplication(flags: number): void {
    this.replicationFlags = flags;
  }

  mayRun(args: readonly CommandArgument[]): boolean | undefined {
    return args[0] === 'unknown' ? undefined : args[0] !== 'forbidden';
  }
}

export function newEnvironment(options: Partial<EnvironmentOptions> = {}): Environment {
  return new Environment({ host: new FakeHost(), ...options });
}

/** Compiles and runs. */
export function evaluate(
  environment: Environment,
  source: string,
  keys: readonly string[] = [],
  argv: readonly string[] = [],
): readonly LuaValue[] {
  try {
    return environment.run(environment.compile(source), inputOf(keys, argv));
  } finally {
    environment.finish();
  }
}

/** The value of the error that a script ends with. */
export function errorOf(environment: Environment, source: string): LuaValue {
  try {
    evaluate(environment, source);
  } catch (thrown) {
    if (thrown instanceof LuaError) return thrown.value;
    throw thrown;
  }
  throw new Error(`no error: ${source}`);
}
