/**
 * What a change of role, or of whom this server follows, does to the data, for who writes it to files:
 *
 * - `none`: the data, its positions in the journals and their id are what they were;
 * - `history`: the data and its positions go on, under another id from here on;
 * - `replaced`: the data becomes another one, or its positions mean nothing any more.
 */
export type DataChange = 'none' | 'history' | 'replaced';
