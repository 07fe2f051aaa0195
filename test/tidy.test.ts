/** Holds the house rules of the project (test/tidy/rules.ts), and shows that each rule can fail. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as prose from './tidy/prose.js';
import * as rules from './tidy/rules.js';
import { parseSource, readSources } from './tidy/source.js';
import * as usage from './tidy/usage.js';

const sources = readSources();
const texts = prose.readTexts();
const textOf = (path: string): string => texts.find((one) => one.path === path)?.text ?? '';

function holds(errors: readonly string[]): void {
  assert.ok(errors.length === 0, `\n  ${errors.join('\n  ')}\n`);
}

describe('tidy: the project', () => {
  it('has sources to look at', () => assert.ok(sources.length > 3));
  it('has a layer table that points only downwards', () => holds(rules.layerTableErrors()));
  it('imports only what the layer table allows', () => holds(rules.layerErrors(sources)));
  it('keeps the threads of server/ apart', () => holds(rules.serverLayerErrors(sources)));
  it('gives every shared figure a place', () => holds(rules.sharedDeclarationErrors(sources)));
  it('has no import cycles', () => holds(rules.cycleErrors(sources)));
  it('has no file of more than 600 lines', (context) => {
    for (const line of rules.longFiles(sources)) context.diagnostic(line);
    holds(rules.sizeErrors(sources));
  });
  it('uses Atomics only in memory/ and platform/ffi/', () => holds(rules.atomicsErrors(sources)));
  it('calls foreign functions only from platform/ffi/', () => holds(rules.ffiErrors(sources)));
  it('has no any', () => holds(rules.anyErrors(sources)));
  it('writes to the console only from server/', () => holds(rules.consoleErrors(sources)));
  it('names kinds only where their type is', () => holds(rules.kindErrors(sources)));
  it('makes effects only in the keyspace', () => holds(rules.effectErrors(sources)));
  it('tests every command', () => holds(rules.untestedCommandErrors(sources)));
  it('has no function of more than 70 lines', () => {
    holds(prose.functionLengthErrors(textOf('biome.json'), texts));
  });
  it('has no declaration that only tests use', () => holds(usage.testOnlyErrors(sources)));
  it('names commands only in commands/', () => holds(usage.commandNameErrors(sources)));
  it('cites nothing outside the repository', () => holds(prose.citationErrors(texts)));
  it('has no name that was given up', () => holds(prose.oldWordErrors(texts)));
});

describe('tidy: the rules', () => {
  const base = parseSource('src/base/a.ts', 'export const a = 1;\n');
  const fails = (errors: readonly string[], pattern: RegExp): void => {
    assert.equal(errors.length, 1, errors.join('\n'));
    assert.match(errors[0] ?? '', pattern);
  };

  it('finds an import against the layers, also of types', () => {
    const text = "import type { X } from '../keyspace/x.js';\n";
    const file = parseSource('src/structures/a.ts', text);
    fails(rules.layerErrors([file]), /structures may import only base, memory/);
    holds(rules.layerErrors([parseSource('src/structures/a.test.ts', text)]));
    holds(rules.layerErrors([parseSource('src/server/a.ts', text)]));
  });

  it('tells commands/contract from commands', () => {
    const text = "import { get } from '../string/get.js';\n";
    fails(rules.layerErrors([parseSource('src/commands/contract/a.ts', text)]), /contract may/);
    holds(rules.layerErrors([parseSource('src/commands/list/a.ts', text)]));
  });

  it('finds a thread that imports another one, and a file of no thread', () => {
    const imports = (target: string) => `import type { X } from '${target}';\n`;
    const file = (path: string, target: string) => parseSource(path, imports(target));
    const foreign = file('src/server/io-thread/a.ts', '../main-thread/server.js');
    fails(rules.serverLayerErrors([foreign]), /io-thread may import only server\/config/);
    const upward = file('src/server/channel/a.ts', '../flow-thread/a.js');
    fails(rules.serverLayerErrors([upward]), /channel may import only itself/);
    holds(rules.serverLayerErrors([file('src/server/io-thread/a.ts', '../channel/main-io.js')]));
    holds(rules.serverLayerErrors([file('src/server/io-thread/a.ts', '../../net/frontend.js')]));
    fails(rules.serverLayerErrors([parseSource('src/server/a.ts', '')]), /which thread/);
  });

  it('knows no folder that the table does not have', () => {
    fails(rules.layerErrors([parseSource('src/utilities/a.ts', '')]), /no layer/);
    fails(rules.layerTableErrors([['base', ['memory']]]), /not below/);
  });

  it('finds shared figures that the layout of the server does not have', () => {
    const layout = parseSource(
      'src/server/channel/control.ts',
      "import * as net from '../../net/counters.js';\n",
    );
    const text = "export const READS = declareCounter('net.reads');\n";
    holds(rules.sharedDeclarationErrors([layout, parseSource('src/net/counters.ts', text)]));
    const foreign = parseSource('src/keyspace/counters.ts', text);
    fails(rules.sharedDeclarationErrors([layout, foreign]), /list it in/);
  });

  it('finds cycles, but not those of types', () => {
    const one = parseSource('src/base/one.ts', "import {\n  two,\n} from './two.js';\n");
    const two = parseSource('src/base/two.ts', "export { one } from './one.js';\n");
    fails(rules.cycleErrors([one, two]), /one.ts -> src\/base\/two.ts -> src\/base\/one.ts/);
    const typeOnly = parseSource('src/base/two.ts', "import { type A } from './one.js';\n");
    holds(rules.cycleErrors([one, typeOnly]));
    const dynamic = parseSource('src/base/two.ts', "const x = await import('./one.js');\n");
    assert.equal(rules.cycleErrors([one, dynamic]).length, 1);
  });

  it('finds files that are too long, and exceptions that are not needed', () => {
    const long = parseSource('src/base/a.ts', 'const a = 1;\n'.repeat(601));
    fails(rules.sizeErrors([long], {}), /601 lines/);
    holds(rules.sizeErrors([long], { 'src/base/a.ts': 'a table' }));
    fails(rules.sizeErrors([base], { 'src/base/a.ts': 'a table' }), /remove it/);
    assert.equal(rules.longFiles([long]).length, 1);
  });

  it('finds Atomics in code, not in comments or strings', () => {
    const file = parseSource(
      'src/net/a.ts',
      '// Atomics\nconst s = "Atomics";\nAtomics.load(x, 0);\n',
    );
    fails(rules.atomicsErrors([file]), /a.ts:3/);
    holds(rules.atomicsErrors([{ ...file, path: 'src/memory/a.ts' }]));
  });

  it('finds koffi, any and console in the wrong place', () => {
    const koffi = parseSource('src/net/a.ts', "import koffi from 'koffi';\n");
    fails(rules.ffiErrors([koffi]), /platform\/ffi/);
    for (const code of ['let a: any;', 'f(x as any)', 'Map<string, any>', 'let a: any[];']) {
      fails(rules.anyErrors([parseSource('src/net/a.ts', code)]), /unknown/);
    }
    fails(rules.consoleErrors([parseSource('src/net/a.ts', 'console.log(1);')]), /base\/log/);
    holds(rules.consoleErrors([parseSource('src/server/a.ts', 'console.log(1);')]));
  });

  it('finds a kind named elsewhere, and an effect made elsewhere', () => {
    const imports = "import { A } from '../../values/hash/type.js';\n";
    const owners = { hash: ['src/commands/hash/'] };
    const at = (path: string, text: string) => parseSource(path, text);
    fails(rules.kindErrors([at('src/commands/generic/a.ts', imports)], owners), /ask/);
    holds(rules.kindErrors([at('src/commands/hash/a.ts', imports)], owners));
    for (const text of ['if (keys.kind === 3) run();', 'keys.beginStore(4, length, 0);']) {
      fails(rules.kindErrors([at('src/commands/generic/a.ts', text)], owners), /as a number/);
      holds(rules.kindErrors([at('src/values/hash/type.ts', text)], owners));
    }
    const begins = at('src/commands/hash/a.ts', "keys.effects.begin('HSET').end();\n");
    fails(rules.effectErrors([begins], {}), /leave by/);
    const custom = at('src/commands/hash/a.ts', "keys.custom(EVENT, 'HSET').end();\n");
    fails(rules.effectErrors([custom], {}), /CUSTOM_EFFECTS/);
    holds(rules.effectErrors([custom], { [custom.path]: 'chosen by chance' }));
    fails(rules.effectErrors([], { [custom.path]: 'chosen by chance' }), /remove it/);
  });

  it('finds a command that no test sends', () => {
    const define = (name: string): string => `export const a = {\n  name: '${name}',\n};\n`;
    const command = parseSource('src/commands/string/getdel.ts', define('getdel'));
    const test = (path: string, text: string) => parseSource(path, text);
    const unrelated = test('src/commands/string/get.test.ts', "run('GETDELETE', 'getdel')");
    fails(rules.untestedCommandErrors([command, unrelated]), /sends GETDEL;/);
    const elsewhere = test('src/commands/list/a.test.ts', "run('GETDEL')");
    fails(rules.untestedCommandErrors([command, elsewhere]), /sends GETDEL;/);
    for (const path of ['src/commands/string/string.test.ts', 'test/differential/strings.ts']) {
      holds(rules.untestedCommandErrors([command, test(path, "run('GETDEL', 'key')")]));
    }
    const kill = parseSource('src/commands/connection/client.ts', define('client|kill'));
    holds(rules.untestedCommandErrors([kill, test('test/a.test.ts', "run('CLIENT', 'KILL')")]));
    holds(rules.untestedCommandErrors([kill, test('test/a.test.ts', '`CLIENT KILL ID 1`')]));
    fails(
      rules.untestedCommandErrors([kill, test('test/a.test.ts', "run('CLIENT', 'LIST')")]),
      /sends CLIENT KILL;/,
    );
    holds(rules.untestedCommandErrors([parseSource('src/commands/string/shared.ts', '')]));
  });

  it('finds a limit of function length that is off, too high or avoided', () => {
    const settings = (level: string, maxLines: number, except: string): string =>
      JSON.stringify({
        linter: {
          rules: {
            complexity: { noExcessiveLinesPerFunction: { level, options: { maxLines, x: 1 } } },
          },
        },
        overrides: [
          {
            includes: [except],
            linter: { rules: { complexity: { noExcessiveLinesPerFunction: 'off' } } },
          },
        ],
      });
    const tests = '**/*.test.ts';
    holds(prose.functionLengthErrors(settings('error', 70, tests), []));
    fails(prose.functionLengthErrors(settings('warn', 70, tests), []), /not an error/);
    fails(prose.functionLengthErrors(settings('error', 700, tests), []), /not an error/);
    fails(prose.functionLengthErrors(settings('error', 70, 'bench/**'), []), /lifts/);
    const text = '// biome-ignore lint/complexity/noExcessiveLinesPerFunction: long\n';
    const ignores = [{ path: 'bench/a.ts', text }];
    fails(prose.functionLengthErrors(settings('error', 70, tests), ignores), /bench\/a.ts:1/);
  });

  it('finds a declaration that only tests use', () => {
    const text = 'export const used = 1;\nexport function alone(): void {}\n';
    const file = parseSource('src/base/a.ts', text);
    const imports = "import { used, alone } from './a.js';\n";
    const test = parseSource('src/base/a.test.ts', imports);
    const some = parseSource('src/net/b.ts', "import { used } from '../base/a.js';\n");
    fails(usage.testOnlyErrors([file, test, some], {}), /only tests use alone/);
    fails(
      usage.testOnlyErrors([file, parseSource('src/base/testing.ts', imports), some], {}),
      /alone/,
    );
    const unrelated = parseSource('src/net/c.ts', 'const alone = 1;\n');
    fails(usage.testOnlyErrors([file, some, unrelated], {}), /alone/);
    const own = parseSource('src/base/a.ts', `${text}alone();\n`);
    holds(usage.testOnlyErrors([own, some], {}));
    holds(
      usage.testOnlyErrors(
        [
          file,
          parseSource('bench/b.ts', "import * as a from '../src/base/a.js';\na.used(a.alone);\n"),
        ],
        {},
      ),
    );
    for (const exception of ['src/base/', 'src/base/a.ts', 'src/base/a.ts#alone']) {
      holds(usage.testOnlyErrors([file, some], { [exception]: 'to come' }));
      fails(usage.testOnlyErrors([own, some], { [exception]: 'to come' }), /remove it from/);
    }
  });

  it('finds a method that only tests call', () => {
    const text = 'export class A {\n  alone(): void {\n    go();\n  }\n}\n';
    const file = parseSource('src/base/a.ts', text);
    const make = "import { A } from '../base/a.js';\nnew A()";
    const some = parseSource('src/net/b.ts', `${make};\n`);
    const test = parseSource('src/base/a.test.ts', `${make}.alone();\n`);
    fails(usage.testOnlyErrors([file, some, test], {}), /only tests use alone/);
    holds(usage.testOnlyErrors([file, parseSource('src/net/b.ts', `${make}.alone();\n`)], {}));
    const table = 'const table = {\n  alone(): void {\n    go();\n  },\n};\n';
    holds(usage.testOnlyErrors([parseSource('src/base/a.ts', table)], {}));
  });

  it('lets the build collect the definitions of commands', () => {
    const definition = "export const get = {\n  name: 'get',\n};\n";
    holds(usage.testOnlyErrors([parseSource('src/commands/string/get.ts', definition)], {}));
    const more = `export const LIMIT = 1;\n${definition}`;
    fails(usage.testOnlyErrors([parseSource('src/commands/string/get.ts', more)], {}), /LIMIT/);
  });

  it('finds the name of a command in the core', () => {
    const exec = parseSource(
      'src/commands/transactions/exec.ts',
      "export const exec = {\n  name: 'exec',\n};\n",
    );
    const at = (path: string) => parseSource(path, "if (name === 'EXEC') run();\n");
    fails(usage.commandNameErrors([exec, at('src/engine/a.ts')], {}), /a.ts: names 'EXEC'/);
    holds(usage.commandNameErrors([exec, at('src/engine/a.test.ts')], {}));
    holds(usage.commandNameErrors([exec, at('src/commands/generic/a.ts')], {}));
    holds(
      usage.commandNameErrors([exec, parseSource('src/net/a.ts', "f('execute'); // 'exec'\n")], {}),
    );
    const listed = { 'src/engine/a.ts': ['exec', 'a reason'] as const };
    holds(usage.commandNameErrors([exec, at('src/engine/a.ts')], listed));
    const every = { 'src/engine/a.ts': ['*', 'a reason'] as const };
    holds(usage.commandNameErrors([exec, at('src/engine/a.ts')], every));
    fails(usage.commandNameErrors([exec], every), /remove it/);
    fails(usage.commandNameErrors([exec], listed), /remove it/);
  });

  it('finds citations of what readers do not have, and names given up', () => {
    const at = (text: string) => [{ path: 'docs/a.md', text }];
    for (const text of [
      'see DESIGN 2',
      'DESIGN.md',
      'as in issue 7',
      '(issue #12)',
      '/work/shared',
    ]) {
      fails(prose.citationErrors(at(`a\n${text}\n`)), /a.md:2/);
    }
    holds(prose.citationErrors(at('the design of this issue, a work of art')));
    fails(prose.oldWordErrors(at('a key whose time has come')), /write that has expired/);
    fails(prose.oldWordErrors(at('if (cramped) return;')), /needsSplit/);
    holds(prose.oldWordErrors(at('a dashboard, a spare core')));
  });
});
