/**
 * Keyspace events: what happened to a key, in the words of
 * https://redis.io/docs/latest/develop/use/keyspace-notifications/. Every write through the door
 * names its event; a listener is set when somebody wants them.
 */
export interface KeyspaceEvent {
  readonly name: string;
  /** Its place in KEYSPACE_EVENTS. */
  readonly index: number;
  /** The bit of its class in a mask (`eventMask`). */
  readonly bit: number;
}

/** The letters of the classes, and of the two sorts of channels that tell events. */
const CLASSES = 'g$lshzxetdmnKE';
/** What the letter A stands for. */
const ALL_CLASSES = 'g$lshzxetd';

/** All events. */
export const KEYSPACE_EVENTS: KeyspaceEvent[] = [];

/** The classes that letters name (notify-keyspace-events), as bits. */
export function eventMask(letters: string): number {
  let mask = 0;
  for (const letter of letters.replace('A', ALL_CLASSES)) {
    const index = CLASSES.indexOf(letter);
    if (index < 0) throw new Error(`${letter} is no class of events`);
    mask |= 1 << index;
  }
  return mask;
}

export const TOLD_BY_KEY = eventMask('K');
export const TOLD_BY_EVENT = eventMask('E');

/**
 * The letters of a mask as CONFIG GET shows them. With A, Redis hides an n, and CONFIG REWRITE then
 * loses it; here it comes last.
 */
export function eventLetters(mask: number): string {
  const all = eventMask('A');
  const named = (letters: string) =>
    [...letters].filter((each) => (mask & eventMask(each)) !== 0).join('');
  return (mask & all) === all ? `A${named('KEmn')}` : named('g$lshzxetdnKEm');
}

function event(name: string, letter: string): KeyspaceEvent {
  const added = { name, index: KEYSPACE_EVENTS.length, bit: eventMask(letter) };
  KEYSPACE_EVENTS.push(added);
  return added;
}

export const EVENT_SET = event('set', '$');
export const EVENT_APPEND = event('append', '$');
export const EVENT_SETRANGE = event('setrange', '$');
export const EVENT_SETBIT = event('setbit', '$');
export const EVENT_INCRBY = event('incrby', '$');
export const EVENT_INCRBYFLOAT = event('incrbyfloat', '$');
export const EVENT_PFADD = event('pfadd', '$');
export const EVENT_HSET = event('hset', 'h');
export const EVENT_HDEL = event('hdel', 'h');
export const EVENT_HINCRBY = event('hincrby', 'h');
export const EVENT_HINCRBYFLOAT = event('hincrbyfloat', 'h');
export const EVENT_HEXPIRE = event('hexpire', 'h');
export const EVENT_HPERSIST = event('hpersist', 'h');
export const EVENT_HEXPIRED = event('hexpired', 'h');
export const EVENT_LPUSH = event('lpush', 'l');
export const EVENT_RPUSH = event('rpush', 'l');
export const EVENT_LPOP = event('lpop', 'l');
export const EVENT_RPOP = event('rpop', 'l');
export const EVENT_LINSERT = event('linsert', 'l');
export const EVENT_LSET = event('lset', 'l');
export const EVENT_LREM = event('lrem', 'l');
export const EVENT_LTRIM = event('ltrim', 'l');
export const EVENT_SORTSTORE = event('sortstore', 'l');
export const EVENT_SADD = event('sadd', 's');
export const EVENT_SREM = event('srem', 's');
export const EVENT_SPOP = event('spop', 's');
export const EVENT_SINTERSTORE = event('sinterstore', 's');
export const EVENT_SUNIONSTORE = event('sunionstore', 's');
export const EVENT_SDIFFSTORE = event('sdiffstore', 's');
export const EVENT_DEL = event('del', 'g');
export const EVENT_EXPIRE = event('expire', 'g');
export const EVENT_PERSIST = event('persist', 'g');
export const EVENT_RENAME_FROM = event('rename_from', 'g');
export const EVENT_RENAME_TO = event('rename_to', 'g');
export const EVENT_MOVE_FROM = event('move_from', 'g');
export const EVENT_MOVE_TO = event('move_to', 'g');
export const EVENT_COPY_TO = event('copy_to', 'g');
export const EVENT_RESTORE = event('restore', 'g');
export const EVENT_EXPIRED = event('expired', 'x');
export const EVENT_EVICTED = event('evicted', 'e');
export const EVENT_ZADD = event('zadd', 'z');
export const EVENT_ZINCR = event('zincr', 'z');
export const EVENT_ZREM = event('zrem', 'z');
export const EVENT_ZPOPMIN = event('zpopmin', 'z');
export const EVENT_ZPOPMAX = event('zpopmax', 'z');
export const EVENT_ZREMRANGEBYRANK = event('zremrangebyrank', 'z');
export const EVENT_ZREMRANGEBYSCORE = event('zremrangebyscore', 'z');
export const EVENT_ZREMRANGEBYLEX = event('zremrangebylex', 'z');
export const EVENT_ZRANGESTORE = event('zrangestore', 'z');
export const EVENT_ZUNIONSTORE = event('zunionstore', 'z');
export const EVENT_ZINTERSTORE = event('zinterstore', 'z');
export const EVENT_ZDIFFSTORE = event('zdiffstore', 'z');
export const EVENT_GEOSEARCHSTORE = event('geosearchstore', 'z');
export const EVENT_GEORADIUSSTORE = event('georadiusstore', 'z');
/** A key was created. Told before what created it. */
export const EVENT_NEW = event('new', 'n');
/** A command has read a key that does not exist. */
export const EVENT_KEY_MISS = event('keymiss', 'm');
export const EVENT_XADD = event('xadd', 't');
export const EVENT_XTRIM = event('xtrim', 't');
export const EVENT_XDEL = event('xdel', 't');
export const EVENT_XSETID = event('xsetid', 't');
export const EVENT_XGROUP_CREATE = event('xgroup-create', 't');
export const EVENT_XGROUP_SETID = event('xgroup-setid', 't');
export const EVENT_XGROUP_DESTROY = event('xgroup-destroy', 't');
export const EVENT_XGROUP_CREATECONSUMER = event('xgroup-createconsumer', 't');
export const EVENT_XGROUP_DELCONSUMER = event('xgroup-delconsumer', 't');
