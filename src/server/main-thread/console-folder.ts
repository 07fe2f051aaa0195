/**
 * Where the build puts the console's page (scripts/console.mjs). This file stands in the folder of main.js:
 * in the bundle it is a part of main.js, and the path holds there as well.
 */
export const CONSOLE_FOLDER = new URL('../../../page/', import.meta.url);
