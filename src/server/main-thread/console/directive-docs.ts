/** What the console shows of each directive beside its value. */
import { DIRECTIVE_SUMMARIES } from '../../config/directive-summaries.js';
import { DIRECTIVES } from '../../config/directives.js';

export interface DirectiveDoc {
  readonly name: string;
  readonly summary: string;
  readonly initial: string;
  /** Whether CONFIG SET takes it. */
  readonly change: 'anytime' | 'at start' | 'protected';
  readonly hasEffect: boolean;
  /** Not to be shown without being asked for. */
  readonly isSecret: boolean;
}

const NO_EFFECT = 'Accepted for Redis’s configurations; it has no effect here';

export function directiveDocs(): DirectiveDoc[] {
  return Object.entries(DIRECTIVES).map(([name, directive]) => {
    const { initial, change, isIgnored = false, isSecret = false } = directive;
    const summary = DIRECTIVE_SUMMARIES[name] ?? (isIgnored ? NO_EFFECT : '');
    return { name, summary, initial, change, hasEffect: !isIgnored, isSecret };
  });
}
