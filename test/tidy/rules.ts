/**
 * The house rules that neither the compiler nor the linter knows. Each rule takes the sources and
 * returns one sentence per violation, which says where it is and what to do instead.
 */
import {
  CUSTOM_EFFECTS,
  LARGE_FILES,
  LAYERS,
  SERVER_LAYERS,
  TOP_LAYER,
  TYPE_OWNERS,
} from './layers.js';
import { isTest, type SourceFile } from './source.js';

export const LINES_WARN = 300;
export const LINES_MAX = 600;

type Layers = typeof LAYERS;

/**
 * The longest of the folders that the file lies in: `src/commands/contract/x.ts` belongs to
 * commands/contract, `src/commands/string/x.ts` to commands.
 */
function folderOf(path: string, folders: readonly string[]): string | undefined {
  const matching = folders.filter((folder) => path.startsWith(`src/${folder}/`));
  return matching.sort((a, b) => b.length - a.length)[0];
}

/** The table itself only points to folders before the folder in question. */
export function layerTableErrors(layers: Layers = LAYERS): string[] {
  const errors: string[] = [];
  const known: string[] = [];
  for (const [folder, imports] of layers) {
    for (const name of imports) {
      if (!known.includes(name)) errors.push(`layers: ${folder} names ${name}, which is not below`);
    }
    known.push(folder);
  }
  return errors;
}

export function layerErrors(files: readonly SourceFile[], layers: Layers = LAYERS): string[] {
  const errors: string[] = [];
  const allowed = new Map(layers);
  const folders = [...allowed.keys(), TOP_LAYER];
  for (const file of files) {
    if (!file.path.startsWith('src/')) continue;
    const layer = folderOf(file.path, folders);
    if (layer === undefined) {
      errors.push(`${file.path}: no layer has this folder (test/tidy/layers.ts)`);
      continue;
    }
    if (isTest(file) || layer === TOP_LAYER) continue;
    for (const { target } of file.imports) {
      if (!target.startsWith('src/')) continue;
      const other = folderOf(target, folders);
      if (other === layer || (other !== undefined && allowed.get(layer)?.includes(other))) continue;
      errors.push(
        `${file.path}: imports ${target}; ${layer} may import only ` +
          `${allowed.get(layer)?.join(', ') || 'itself'}`,
      );
    }
  }
  return errors;
}

/** Every file of server/ belongs to one thread, or to what the threads share. */
export function serverLayerErrors(files: readonly SourceFile[]): string[] {
  const errors: string[] = [];
  const allowed = new Map(SERVER_LAYERS);
  const folders = [...allowed.keys()];
  for (const file of files) {
    if (!file.path.startsWith(`src/${TOP_LAYER}/`)) continue;
    const folder = folderOf(file.path, folders);
    if (folder === undefined) {
      errors.push(`${file.path}: say which thread it belongs to (SERVER_LAYERS)`);
      continue;
    }
    if (isTest(file)) continue;
    for (const { target } of file.imports) {
      const other = folderOf(target, folders);
      if (other === undefined || other === folder || allowed.get(folder)?.includes(other)) continue;
      errors.push(
        `${file.path}: imports ${target}; of server/, ${folder} may import only ` +
          `${allowed.get(folder)?.join(', ') || 'itself'}`,
      );
    }
  }
  return errors;
}

const CONTROL = 'src/server/channel/control.ts';

/** What a file declares to be shared by all threads has a place: the server's layout imports it. */
export function sharedDeclarationErrors(files: readonly SourceFile[]): string[] {
  const layout = files.find((file) => file.path === CONTROL);
  const imported = new Set(layout?.imports.map(({ target }) => target));
  return files
    .filter((file) => file.path.startsWith('src/') && !isTest(file))
    .filter((file) => /\bdeclare(Counter|Word|Value|Sequence|Signal)\(\s*'/.test(file.code))
    .filter((file) => !imported.has(file.path))
    .map((file) => `${file.path}: declares shared figures; list it in ${CONTROL}`);
}

/** Circles of imports that run code; imports of types alone vanish and may go round. */
export function cycleErrors(files: readonly SourceFile[]): string[] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      file.imports.filter((one) => !one.isTypeOnly).map((one) => one.target),
    ]),
  );
  const errors: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      errors.push(`import cycle: ${[...trail.slice(at), path].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    trail.push(path);
    for (const target of edges.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const path of edges.keys()) visit(path);
  return errors;
}

function lineCount(text: string): number {
  return text.split('\n').length - 1;
}

export function longFiles(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => lineCount(file.text) > LINES_WARN)
    .map((file) => `${file.path}: ${lineCount(file.text)} lines, more than ${LINES_WARN}`);
}

export function sizeErrors(files: readonly SourceFile[], exceptions = LARGE_FILES): string[] {
  const errors: string[] = [];
  for (const file of files) {
    const lines = lineCount(file.text);
    if (lines > LINES_MAX && exceptions[file.path] === undefined) {
      errors.push(`${file.path}: ${lines} lines; split it, or give a reason in LARGE_FILES`);
    }
  }
  for (const path of Object.keys(exceptions)) {
    const file = files.find((one) => one.path === path);
    if (file === undefined || lineCount(file.text) <= LINES_MAX) {
      errors.push(`${path}: no longer above ${LINES_MAX} lines; remove it from LARGE_FILES`);
    }
  }
  return errors;
}

/** One error for each line of `src/` (tests exempt) that matches outside the folders given. */
function forbid(
  files: readonly SourceFile[],
  pattern: RegExp,
  allowedFolders: readonly string[],
  advice: string,
  testsToo = false,
): string[] {
  const errors: string[] = [];
  for (const file of files) {
    if (!file.path.startsWith('src/') && !testsToo) continue;
    if (isTest(file) && !testsToo) continue;
    if (allowedFolders.some((folder) => file.path.startsWith(folder))) continue;
    file.bare.split('\n').forEach((line, index) => {
      if (pattern.test(line)) errors.push(`${file.path}:${index + 1}: ${advice}`);
    });
  }
  return errors;
}

export function atomicsErrors(files: readonly SourceFile[]): string[] {
  const advice = 'Atomics only in src/memory/ and src/platform/ffi/: use a class of memory/';
  return forbid(files, /\bAtomics\b/, ['src/memory/', 'src/platform/ffi/'], advice);
}

export function consoleErrors(files: readonly SourceFile[]): string[] {
  const advice = 'no console outside src/server/: use base/log';
  return forbid(files, /\bconsole\s*\./, ['src/server/'], advice);
}

export function anyErrors(files: readonly SourceFile[]): string[] {
  const advice = 'no `any`: name the type, or take `unknown` and check it';
  return forbid(files, /(?::|<|\||\bas|,)\s*any\s*(?:[;,)=>[\]|&{]|$)/, [], advice, true);
}

export function ffiErrors(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => !file.path.startsWith('src/platform/ffi/'))
    .filter((file) => file.imports.some((one) => one.target === 'koffi'))
    .map((file) => `${file.path}: imports koffi; all FFI lives in src/platform/ffi/`);
}

const KIND_NUMBER =
  /\.(?:beginStore|beginEdit|beginRewrite|reencode|setKind)\(\s*\d|\bkind\s*[=!]==\s*\d/;

/** Only a type's own code names its kinds; others ask the registry. */
export function kindErrors(files: readonly SourceFile[], owners = TYPE_OWNERS): string[] {
  const errors: string[] = [];
  for (const file of files) {
    if (isTest(file) || file.path === 'src/keyspace/types.ts') continue;
    for (const { target } of file.imports) {
      const type = /^src\/values\/([^/]+)\/(?:type|kinds)\.ts$/.exec(target)?.[1];
      if (type === undefined) continue;
      if (owners[type]?.some((folder) => file.path.startsWith(folder))) continue;
      errors.push(`${file.path}: imports ${target}; ask src/keyspace/types.ts`);
    }
  }
  const advice = 'a kind as a number: import its name from the type, or ask src/keyspace/types.ts';
  return errors.concat(forbid(files, KIND_NUMBER, ['src/values/'], advice));
}

/** Effects are made by the keyspace; a command that builds one itself is listed with its reason. */
export function effectErrors(files: readonly SourceFile[], listed = CUSTOM_EFFECTS): string[] {
  const advice = 'effects leave by the operations of src/keyspace/mutation.ts';
  const builder = /\beffects\s*\.\s*(begin|beginKeyless|verbatim|end)\s*\(/;
  const errors = forbid(files, builder, ['src/keyspace/', 'src/values/'], advice);
  const users = files.filter(
    (file) =>
      file.path.startsWith('src/commands/') && !isTest(file) && /\.custom\(/.test(file.bare),
  );
  for (const { path } of users) {
    if (listed[path] === undefined) errors.push(`${path}: give a reason in CUSTOM_EFFECTS`);
  }
  for (const path of Object.keys(listed)) {
    if (users.some((file) => file.path === path)) continue;
    errors.push(`${path}: builds no effect; remove it from CUSTOM_EFFECTS`);
  }
  return errors;
}

/** The names of the commands that a file defines: 'get', 'client|kill'; a group's lib/ defines none. */
export function definedCommands(file: SourceFile): string[] {
  if (!/^src\/commands\/(?!contract\/)[^/]+\/[^/]+$/.test(file.path) || isTest(file)) return [];
  return [...file.code.matchAll(/^ {2}name: '([a-z0-9|_-]+)'/gm)].map(
    (match) => match[1] as string,
  );
}

/**
 * Whether a test's code has the command as it is sent: 'GETDEL', or 'CLIENT' and 'KILL' (generators
 * keep a container and its subcommands apart).
 */
function namesCommand(test: SourceFile, command: string): boolean {
  const [name, subcommand] = command.toUpperCase().split('|');
  const begins = new RegExp(`['"\`]${name}\\b(?!-)`);
  const follows = new RegExp(`['"\`\\s]${subcommand}(?=['"\`\\s])`);
  return begins.test(test.code) && (subcommand === undefined || follows.test(test.code));
}

/** Each command is sent by a test of its group, or by one in test/. */
export function untestedCommandErrors(files: readonly SourceFile[]): string[] {
  const errors: string[] = [];
  const everywhere = files.filter(
    (file) => file.path.startsWith('test/') && !file.path.startsWith('test/tidy'),
  );
  for (const file of files) {
    const group = file.path.slice(0, file.path.lastIndexOf('/') + 1);
    const beside = files.filter((one) => isTest(one) && one.path.startsWith(group));
    for (const command of definedCommands(file)) {
      if ([...beside, ...everywhere].some((test) => namesCommand(test, command))) continue;
      const shown = command.toUpperCase().replace('|', ' ');
      errors.push(`${file.path}: no test sends ${shown}; write one beside it or in test/`);
    }
  }
  return errors;
}
