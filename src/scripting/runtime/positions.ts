/**
 * Finds where in Lua an error happens, by reading the JavaScript stack.
 *
 * A frame of generated code is a level of Lua; its line tells the site (code/sites.ts). Library
 * functions that call back do so through `callNative`: that frame stands for the C function. All
 * other frames are helpers and are skipped. A coroutine has a stack of its own: the walk ends where
 * it was resumed.
 */
import type { Site } from '../code/sites.js';
import type { LuaError } from './errors.js';
import type { LuaValue } from './values.js';

/** Lines of JavaScript before the first line of a chunk's code: `new Function` adds two. */
const HEADER_LINES = 3;
const URL_PREFIX = 'lua:';
/** The names of the functions that mean something on the stack. */
const NATIVE_CALL = 'callNative';
const COROUTINE_BASE = 'resumeBody';
const NEAR_FRAMES = 24;

export interface ChunkSites {
  /** How errors name the chunk. */
  readonly name: string;
  /** What it was named. */
  readonly source: string;
  readonly sites: readonly Site[];
}

/** A level of the stack: where Lua code is, or a function of a library. */
export interface Level {
  readonly chunk: string;
  readonly source: string;
  readonly site: Site | undefined;
}

/** As Lua's debug.getinfo names what has no line. */
export const NATIVE_SOURCE = '=[C]';
const NATIVE_LEVEL: Level = { chunk: '', source: NATIVE_SOURCE, site: undefined };
const LOST_LEVEL: Level = { chunk: '', source: '=(tail call)', site: undefined };
const NO_LINE = -1;

const chunks = new Map<number, WeakRef<ChunkSites>>();
const registry = new FinalizationRegistry<number>((id) => chunks.delete(id));
let lastChunk = 0;

/** Makes a chunk known, as long as its code lives. @returns the URL for its code */
export function registerChunk(chunk: ChunkSites): string {
  const id = ++lastChunk;
  chunks.set(id, new WeakRef(chunk));
  registry.register(chunk, id);
  return `${URL_PREFIX}${id}`;
}

function levelAt(url: string, line: number): Level {
  const chunk = chunks.get(Number(url.slice(URL_PREFIX.length)))?.deref();
  if (chunk === undefined) return NATIVE_LEVEL;
  const { name, source, sites } = chunk;
  return { chunk: name, source, site: sites[line - HEADER_LINES - 1] };
}

function capture(frames: number): NodeJS.CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = frames;
    Error.prepareStackTrace = (_, callSites) => callSites;
    Error.captureStackTrace(holder, capture);
    return holder.stack as NodeJS.CallSite[];
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The level that called the library function which asks (1), its caller (2), and so on. */
export function levelOf(wanted: number): Level | undefined {
  for (let frames = NEAR_FRAMES; ; frames *= 8) {
    const callSites = capture(frames);
    let level = 0;
    let previousIsLua = false;
    for (const callSite of callSites) {
      const url = callSite.getScriptNameOrSourceURL();
      let found: Level;
      if (typeof url === 'string' && url.startsWith(URL_PREFIX)) {
        found = levelAt(url, callSite.getLineNumber() ?? 0);
        // A function that made a tail call of a Lua function stands for the level that Lua lost.
        if (previousIsLua && found.site?.kind === 'tail-call') found = LOST_LEVEL;
        previousIsLua = true;
      } else {
        const name = callSite.getFunctionName();
        if (name === COROUTINE_BASE) return undefined;
        if (name !== NATIVE_CALL) continue;
        found = NATIVE_LEVEL;
        previousIsLua = false;
      }
      if (++level === wanted) return found;
    }
    if (callSites.length < frames) return undefined;
  }
}

function prefix(level: Level | undefined): string {
  if (level?.site === undefined) return '';
  return `${level.chunk}:${level.site.line}: `;
}

/** `chunk:line: ` of a level; '' for library functions and beyond the end of the stack. */
export function positionOf(level: number): string {
  return prefix(levelOf(level));
}

interface Current {
  readonly site: Site | undefined;
  readonly position: string;
  readonly origin: Origin;
}

/** The site of the operation that runs, if Lua code and not a library function runs it. */
export function currentSite(): Current {
  const level = levelOf(1);
  const site = level?.site;
  // Of an operation of a library function its caller is told.
  const origin = level === undefined || site === undefined ? originOfLevel(2) : originAt(level);
  return { site, position: prefix(level), origin };
}

/** The name by which the library function that asks was called, and how. */
export function calledAs(): { name: string; isMethod: boolean; position: string } {
  const { site, position } = currentSite();
  const match =
    site === undefined || site.kind === 'operation' ? null : /^(\w+) '(.*)'$/s.exec(site.first);
  if (match === null) return { name: '?', isMethod: false, position };
  return { name: match[2]!, isMethod: match[1] === 'method', position };
}

/** Whether the library function that asks was called as this field of a table. */
export function isCalledAs(field: string): boolean {
  return levelOf(1)?.site?.first === `field '${field}'`;
}

/**
 * The place in the stack of an overflow of JavaScript's stack. It happens where a function
 * begins: then the frame below, which made the call, is the place that Lua names.
 */
export function placeOfOverflow(stack: string): { position: string; origin: Origin } {
  const frames = stack.split('\n').slice(1);
  const places = frames.map((frame) => /\blua:(\d+):(\d+):\d+/.exec(frame));
  const found = places.findIndex((match) => match !== null);
  const match = (found === 0 ? places.slice(1).find((one) => one !== null) : places[found]) ?? null;
  if (match === null) return { position: '', origin: NOWHERE };
  const level = levelAt(`${URL_PREFIX}${match[1]}`, Number(match[2]));
  return { position: prefix(level), origin: originAt(level) };
}

/** Where in Lua an error was made. */
export interface Origin {
  /** The name that the chunk was given; '' when none was running. */
  readonly source: string;
  /** 0 when nothing was running, -1 when it was a function of a library. */
  readonly line: number;
}

const NOWHERE: Origin = { source: '', line: 0 };
/** The first level in the text of a stack: Lua code, a library function that calls, the foot of a coroutine. */
const FIRST_LEVEL = /\blua:(\d+):(\d+):\d+|\bat (callNative|resumeBody) /;

/** What was running when an error was made; of a library function, what had called it. */
export function originOf(error: LuaError): Origin {
  if (error.place !== undefined) return error.place;
  const match = FIRST_LEVEL.exec(error.stack ?? '');
  if (match === null) return originInText(error.value);
  if (match[3] === NATIVE_CALL) return originAt(NATIVE_LEVEL);
  if (match[3] === COROUTINE_BASE) return NOWHERE;
  return originAt(levelAt(`${URL_PREFIX}${match[1]}`, Number(match[2])));
}

/** The line that an error's text begins with: a full stack shows no other. */
function originInText(value: LuaValue): Origin {
  const match =
    typeof value === 'string' ? /^(user_\w+|err_handler_def):(\d+): /.exec(value) : null;
  return match === null ? NOWHERE : { source: `@${match[1]}`, line: Number(match[2]) };
}

/** Of a level as `levelOf` counts. */
export function originOfLevel(level: number): Origin {
  const found = levelOf(level);
  return found === undefined ? NOWHERE : originAt(found);
}

function originAt({ source, site }: Level): Origin {
  return { source, line: site?.line ?? NO_LINE };
}
