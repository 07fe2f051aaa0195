import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCommandLine, type StartRequest } from './command-line.js';
import { DIRECTIVES } from './directives.js';
import type { Values } from './values.js';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'darter-config-'));
});
after(() => rmSync(folder, { recursive: true }));

function read(argv: readonly string[], input = ''): StartRequest {
  return readCommandLine(argv, { folder, readStandardInput: () => input });
}

function valuesOf(argv: readonly string[], input = ''): Values {
  const request = read(argv, input);
  assert.equal(request.action, 'run', JSON.stringify(request));
  return (request as Extract<StartRequest, { action: 'run' }>).values;
}

function failureOf(argv: readonly string[], input = ''): string {
  const request = read(argv, input);
  assert.equal(request.action, 'fail', `${argv.join(' ')} was accepted`);
  return (request as Extract<StartRequest, { action: 'fail' }>).text;
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('command line', () => {
  it('takes options with one value, several and none', () => {
    const values = valuesOf(['--PORT', '7000', '--bind', '127.0.0.1', '::1', '--save', '']);
    assert.equal(values.get('port'), '7000');
    assert.equal(values.get('bind'), '127.0.0.1 ::1');
    assert.equal(values.get('save'), '');
    assert.equal(values.get('dir'), folder);
    assert.equal(valuesOf(['--port 7000', '--timeout', '5']).get('port'), '7000');
    assert.equal(valuesOf(['--save', '--timeout', '5']).get('save'), '');
    assert.equal(valuesOf(['--timeout', '5', '--save']).get('save'), '');
    assert.equal(valuesOf(['--save', '60', '5', '--hz', '20']).get('save'), '60 5');
  });

  it('takes the word after a name as its value, even with dashes', () => {
    const values = valuesOf(['--requirepass', '--a "b"', '--masterauth', 'é']);
    assert.equal(values.get('requirepass'), '--a "b"');
    assert.equal(values.get('masterauth'), '\xc3\xa9');
  });

  it('reads the file first, then standard input, then the options', () => {
    const path = file('order.conf', 'port 1\ntimeout 1\nhz 1\n');
    const values = valuesOf([path, '--port', '3', '-'], 'port 2\ntimeout 2\nmasterauth \xc3\n');
    assert.equal(values.get('masterauth'), '\xc3');
    assert.deepEqual(
      ['port', 'timeout', 'hz'].map((name) => values.get(name)),
      ['3', '2', '1'],
    );
    const request = read(['order.conf']);
    assert.equal(request.action === 'run' && request.file, path);
  });

  it('prints its version and its usage', () => {
    const version = read(['--version']);
    assert.ok(version.action === 'print' && /^Darter v=\d+\.\d+\.\d+ /.test(version.text));
    const help = read(['-h']);
    assert.ok(help.action === 'print');
    const [, table = ''] = help.text.split('with their defaults:');
    for (const [name, { isOwn }] of Object.entries(DIRECTIVES)) {
      assert.equal(table.includes(` --${name} `), isOwn === true, name);
    }
    assert.match(help.text, / --threads 0 .*core\n/);
    assert.match(help.text, / --shard-bytes 2gb /);
  });

  it('says when the file cannot be read', () => {
    assert.equal(
      failureOf(['none.conf']),
      `Fatal error, can't open config file '${folder}/none.conf': No such file or directory`,
    );
  });
});

describe('configuration file', () => {
  it('reads quotes, comments, blank lines and names in any case', () => {
    const values = valuesOf(['-'], '# c\n\n \tMaxMemory\t"1gb" \r\nrequirepass "a\\x41\\"b"\n');
    assert.equal(values.get('maxmemory'), '1073741824');
    assert.equal(values.get('requirepass'), 'aA"b');
  });

  it('adds save lines of the file to each other, not to the initial ones', () => {
    assert.equal(valuesOf(['-'], 'save 900 1\nsave 60 5\n').get('save'), '900 1 60 5');
    assert.equal(valuesOf(['-'], 'save "900 1 60 5"\n').get('save'), '900 1 60 5');
    assert.equal(valuesOf(['-'], 'save 900 1\nsave ""\nsave 60 5\n').get('save'), '60 5');
  });

  it('reads included files, by pattern and within each other', () => {
    mkdirSync(join(folder, 'parts'), { recursive: true });
    file('parts/10.conf', 'port 10\nhz 11\n');
    file('parts/20.conf', 'port 20\ninclude more.inc\n');
    file('more.inc', 'timeout 9\n');
    file('main.conf', 'include parts/*.conf\ninclude none/*.conf\nhz 12\n');
    const values = valuesOf(['main.conf']);
    assert.deepEqual(
      ['port', 'hz', 'timeout'].map((name) => values.get(name)),
      ['20', '12', '9'],
    );
    file('round.conf', 'include round.conf\n');
    assert.match(failureOf(['round.conf']), /nested too deeply/);
    assert.match(failureOf(['-'], 'include none.conf'), /can't open config file '.*none.conf'/);
  });

  it('names line, text and reason of what is wrong, and the file when it is an included one', () => {
    const text = 'port 7000\nfoo bar\n';
    file('bad.conf', text);
    const message = /^\n\*\*\* FATAL CONFIG FILE ERROR \(Darter \d+\.\d+\.\d+\) \*\*\*\n/;
    const failure = failureOf(['bad.conf']);
    assert.match(failure, message);
    assert.equal(
      failure.replace(message, ''),
      'Reading the configuration file, at line 2\n' +
        ">>> 'foo bar'\nBad directive or wrong number of arguments",
    );
    assert.match(failureOf(['-'], '\ninclude bad.conf\n'), /file \/.*bad\.conf, at line 2\n/);
  });

  it('names the command line when the error comes from there, and standard input', () => {
    file('good.conf', 'port 7000\ntimeout 3\n');
    for (const before of [[], ['good.conf']]) {
      assert.match(
        failureOf([...before, '--hz', '20', '--port', 'many']),
        /\nReading the command line, at option 2\n>>> 'port "many"'\nargument couldn't be parsed/,
      );
    }
    assert.match(
      failureOf(['good.conf', '-'], 'hz 10\nhz x\n'),
      /Reading standard input, at line 2\n/,
    );
  });

  it('refuses what Darter does not have, with a reason', () => {
    const refused: [string, RegExp][] = [
      ['loadmodule x.so', /modules/],
      ['sentinel monitor a b 1 1', /no Sentinel/],
      ['aof-timestamp-enabled yes', /no timestamps/],
      ['cluster-enabled yes', /cluster/],
      ['databases 4097', /at most 4096 databases/],
    ];
    for (const [line, reason] of refused) assert.match(failureOf(['-'], line), reason, line);
  });

  it('collects users, and refuses what ACL SETUSER would', () => {
    const text = 'user alice on >p ~a*\nuser bob (+get ~b)\nuser carol +nosuch\n';
    const request = read(['-'], text);
    assert.deepEqual(request.action === 'run' && request.declarations.users, [
      ['alice', 'on', '>p', '~a*'],
      ['bob', '(+get', '~b)'],
      ['carol', '+nosuch'],
    ]);
    const wrong: [string, RegExp][] = [
      ['user a on\nuser a off', /'a': Duplicate user found/],
      ['user a nonsense', /Error in user declaration 'nonsense': Syntax error/],
      ['user a (+get', /'\(\+get': Unmatched parenthesis/],
    ];
    for (const [lines, reason] of wrong) assert.match(failureOf(['-'], lines), reason, lines);
  });

  it('collects new names of commands, one after the other', () => {
    const lines = ['CONFIG ""', 'get holen', 'Holen FETCH', 'set config'];
    const request = read(['-'], lines.map((line) => `rename-command ${line}\n`).join(''));
    assert.deepEqual(request.action === 'run' && [...request.declarations.renames], [
      ['config', ''],
      ['get', 'fetch'],
      ['set', 'config'],
    ]);
    const wrong: [string, RegExp][] = [
      ['rename-command nosuch x', /No such command in rename-command/],
      ['rename-command config|get x', /No such command in rename-command/],
      ['rename-command get SET', /Target command name already exists/],
      ['rename-command get a\nrename-command get b', /No such command in rename-command/],
      [`rename-command get ${'x'.repeat(129)}`, /may have 128 bytes/],
    ];
    for (const [text, reason] of wrong) assert.match(failureOf(['-'], text), reason, text);
  });

  it('warns once of what has no meaning, when it asks for something', () => {
    const request = read(['-'], 'io-threads 4\nactivedefrag yes\nactiverehashing yes\nhz 20\n');
    assert.deepEqual(request.action === 'run' && request.warnings, [
      'Directives without a meaning for Darter, ignored: activedefrag, io-threads',
    ]);
    const none = read(['--hz', '20']);
    assert.deepEqual(none.action === 'run' && none.warnings, []);
  });
});
