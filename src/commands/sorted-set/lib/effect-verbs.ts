/** The verbs of effects on members of sorted sets, for who writes commands to a Redis. */
export const EFFECT_ADD_SCORED = 'ZADD';
export const EFFECT_REMOVE_SCORED = 'ZREM';
