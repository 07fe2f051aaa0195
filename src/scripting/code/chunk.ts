/**
 * Generates the JavaScript of a whole chunk, and makes a function of it.
 *
 * A chunk that can reach coroutines has each function twice, plain and as a generator, on the same
 * variables; what runs inside a coroutine uses the second. All others have plain functions only.
 */
import { type ListPlace, placeOf } from '../syntax/list-uses.js';
import type { Chunk, Expression, FunctionBody, Local } from '../syntax/tree.js';
import { type FixedLocals, PLAIN } from './fixed-locals.js';
import { quote } from './literals.js';
import { type Site, SiteTable } from './sites.js';
import { FunctionCompiler } from './statements.js';

/** Names by which a script can get hold of the coroutine library, or of code that can. */
const REACHES_COROUTINES = ['coroutine', '_G', 'load', 'loadstring'];

/** Globals that never change, so that generated code holds their values. */
export interface ConstantGlobals {
  has(name: string): boolean;
  hasField(name: string, field: string): boolean;
  /** Whether a global, or a field of one, is a function. */
  isFunction(name: string, field?: string): boolean;
}

export class ChunkContext {
  readonly sites = new SiteTable();
  readonly isDual: boolean;
  private hidden = 0;
  private isGenerator = false;
  /** Locals that stand for something known. */
  readonly fixed: FixedLocals = new Map();
  private readonly hoisted: string[] = [];
  private readonly constants = new Map<string, string>();
  /** The same function is a generator in several places. */
  private readonly generators = new Map<FunctionBody, string>();

  constructor(
    private readonly chunk: Chunk,
    private readonly globals: ConstantGlobals,
    readonly depthMax: number,
    private readonly runsOnce: boolean,
  ) {
    this.isDual = REACHES_COROUTINES.some((name) => chunk.globals.has(name));
  }

  /** Variables of a loop that Lua code cannot name. */
  hiddenNames(count: number): string[] {
    return Array.from({ length: count }, () => `h${this.hidden++}`);
  }

  constantGlobal(name: string): string | undefined {
    if (!this.globals.has(name)) return undefined;
    return this.constant(`$constant(${quote(name)})`);
  }

  constantField(name: string, field: string): string | undefined {
    if (!this.globals.hasField(name, field)) return undefined;
    return this.constant(`$constantField(${quote(name)},${quote(field)})`);
  }

  /** The constant that holds a function of the libraries; undefined where that is something else. */
  constantFunction(name: string, field?: string): string | undefined {
    return this.globals.isFunction(name, field) ? this.constantValue(name, field) : undefined;
  }

  /** The constant of a global, or of a field of one, that never changes. */
  constantValue(name: string, field: string | undefined): string | undefined {
    return field === undefined ? this.constantGlobal(name) : this.constantField(name, field);
  }

  get plainLists(): ReadonlySet<string> {
    return this.chunk.plainLists;
  }

  /** The place of KEYS or ARGV that an expression reads, where these need no tables. */
  placeOf(expression: Expression): ListPlace | undefined {
    if (expression.kind !== 'local' && expression.kind !== 'upvalue') {
      return placeOf(expression, this.plainLists);
    }
    return this.fixed.get(expression.local)?.place;
  }

  /** A constant that stands for such a place among the arguments of a command. */
  reference({ isKey, place }: ListPlace): string {
    return this.constant(`$reference(${isKey},${place})`);
  }

  /**
   * Whether a function that a local is given in the chunk's own block can be made once, with the chunk, and
   * not at each run: nothing changes the local, and all that the function uses from outside is known.
   */
  canHoist(local: Local, body: FunctionBody, owner: FunctionBody): boolean {
    if (!this.runsOnce || this.isDual || owner !== this.chunk.main || local.isChanged) return false;
    for (const used of body.scope.upvalues) {
      if (used !== local && !this.fixed.has(used)) return false;
    }
    return true;
  }

  /** Makes it so; its code may name the local. */
  hoist(local: Local, name: string, body: FunctionBody): void {
    this.fixed.set(local, { ...PLAIN, code: name, isFunction: true });
    this.hoisted.push(`var ${name}=${new FunctionCompiler(this, body, false).code()};`);
  }

  /** The same for a constant text. */
  word(text: string): string {
    return this.constant(`$word(${quote(text)})`);
  }

  private constant(code: string): string {
    let name = this.constants.get(code);
    if (name === undefined) {
      name = `G${this.constants.size}`;
      this.constants.set(code, name);
    }
    return name;
  }

  /**
   * A function made by plain code has both forms. One made inside a coroutine has the generator
   * only, which plain callers drive to its end: else code would double with each nested function.
   */
  functionCode(body: FunctionBody): string {
    if (this.isGenerator) return `$driven(${this.generatorCode(body)})`;
    const plain = new FunctionCompiler(this, body, false).code();
    if (!this.isDual) return `$made(${plain})`;
    this.isGenerator = true;
    const generator = this.generatorCode(body);
    this.isGenerator = false;
    return `$dual(${plain},${generator})`;
  }

  private generatorCode(body: FunctionBody): string {
    let code = this.generators.get(body);
    if (code === undefined) {
      code = new FunctionCompiler(this, body, true).code();
      this.generators.set(body, code);
    }
    return code;
  }

  /** By `var`: closures need not check that a `const` was initialized. */
  constantDeclarations(): string {
    const constants = [...this.constants].map(([code, name]) => `var ${name}=${code};`);
    return [...constants, ...this.hoisted].join('');
  }
}

export interface ChunkCode {
  readonly code: string;
  readonly sites: readonly Site[];
}

/** @param runsOnce no two functions that one run makes are of the same place of the chunk's own block */
export function generateChunk(
  chunk: Chunk,
  globals: ConstantGlobals,
  depthMax: number,
  runsOnce: boolean,
): ChunkCode {
  const context = new ChunkContext(chunk, globals, depthMax, runsOnce);
  const main = context.functionCode(chunk.main);
  return context.sites.finish(
    `"use strict";void $chunk;${context.constantDeclarations()}return ${main};`,
  );
}
