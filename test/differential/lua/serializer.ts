/**
 * Lua values as text, by a function in Lua: it runs on both sides, so that nothing is lost on the
 * way through replies. Tables are written in the order of `pairs`, which is compared too.
 */
const SERIALIZER = `local function show(v, seen)
  local kind = type(v)
  if kind == 'number' then
    if v ~= v then return 'nan' end
    return string.format('%.17g', v)
  elseif kind == 'string' then
    return '"' .. string.gsub(v, '[^%w %p]', function(c)
      return '\\\\' .. string.byte(c) .. ';'
    end) .. '"'
  elseif kind == 'table' then
    seen = seen or {}
    if seen[v] then return '<circle>' end
    seen[v] = true
    local parts = {}
    for k, x in next, v do parts[#parts + 1] = show(k, seen) .. '=' .. show(x, seen) end
    seen[v] = nil
    return '{' .. table.concat(parts, ',') .. '#' .. #v .. '}'
  elseif kind == 'nil' or kind == 'boolean' then
    return tostring(v)
  end
  return '<' .. kind .. '>'
end
local function showAll(...)
  local parts = {}
  for i = 1, select('#', ...) do parts[i] = show((select(i, ...))) end
  return table.concat(parts, ' ')
end
`;

const ONE_LINE = SERIALIZER.replace(/\n\s*/g, ' ').trim();

/** A script that returns all results of the code, or its error, as text. The code is line 2. */
export function asScript(code: string): string {
  return `${ONE_LINE} local function main(...)\n${code}\nend return showAll(pcall(main, 1, nil, 'three'))`;
}
