/** A command's arguments as one line, the way documentation writes them: EX seconds | PX ms [NX]. */
import type { ArgumentSpecification } from './definition.js';

/** The arguments of a definition, '' for none. */
export function syntaxOf(specifications: readonly ArgumentSpecification[] = []): string {
  return specifications.map(syntaxOfOne).join(' ');
}

function syntaxOfOne(specification: ArgumentSpecification): string {
  const { token, type, flags = [] } = specification;
  const value = valueText(specification);
  const many = flags.includes('multiple');
  // Either the token is said once and its values repeated, or both are repeated.
  let text = [token, value].filter((part) => part !== undefined && part !== '').join(' ');
  if (many) text += ` [${flags.includes('multiple_token') ? text : value} ...]`;
  if (!flags.includes('optional')) return text;
  // Square brackets hold a choice together as well as angle ones do.
  return text === value && type === 'oneof' ? `[${text.slice(1, -1)}]` : `[${text}]`;
}

/** What stands for the value, without the token; '' for a token on its own. */
function valueText({ name, type, arguments: inner = [] }: ArgumentSpecification): string {
  if (type === 'pure-token') return '';
  if (type === 'block') return syntaxOf(inner);
  if (type !== 'oneof') return name;
  const choices = inner.map(syntaxOfOne).join(' | ');
  return `<${choices}>`;
}
