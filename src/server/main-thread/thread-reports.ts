/**
 * Asks all I/O threads for a report. One question of each kind is under way at a time: who asks meanwhile gets
 * its answers too, so that however many ask, a thread is woken for few of them.
 */
import type { ThreadReport } from '../channel/thread-report.js';

/** A thread that runs one long command does not answer meanwhile. */
export const REPORT_TIMEOUT_MS = 5000;

export interface Reports {
  /** In the order of the threads. */
  readonly reports: readonly ThreadReport[];
  /** Threads that have not answered in time. */
  readonly silent: readonly number[];
}

interface Question {
  readonly number: number;
  readonly answers: Map<number, ThreadReport>;
  readonly promise: Promise<Reports>;
  readonly answered: () => void;
}

export class ThreadReports {
  /** Those under way: with figures and without. */
  private readonly questions = new Map<boolean, Question>();
  private lastNumber = 0;

  /** @param ask sends all threads the question with this number */
  constructor(
    private readonly threads: number,
    private readonly ask: (number: number, withFigures: boolean) => void,
    private readonly timeoutMs = REPORT_TIMEOUT_MS,
  ) {}

  /** @param withFigures else the threads only show that they answer */
  collect(withFigures: boolean): Promise<Reports> {
    let question = this.questions.get(withFigures);
    if (question === undefined) {
      question = this.begin(withFigures);
      this.questions.set(withFigures, question);
      this.ask(question.number, withFigures);
    }
    return question.promise;
  }

  /** A thread has answered. What comes too late is left out. */
  take(number: number, report: ThreadReport): void {
    const questions = [...this.questions.values()];
    const question = questions.find((one) => one.number === number);
    if (question === undefined) return;
    question.answers.set(report.thread, report);
    if (question.answers.size === this.threads) question.answered();
  }

  private begin(withFigures: boolean): Question {
    const number = ++this.lastNumber;
    const answers = new Map<number, ThreadReport>();
    let answered = (): void => {};
    const promise = new Promise<Reports>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.questions.delete(withFigures);
        resolve(this.result(answers));
      };
      const timer = setTimeout(end, this.timeoutMs);
      answered = end;
    });
    return { number, answers, promise, answered };
  }

  private result(answers: ReadonlyMap<number, ThreadReport>): Reports {
    const all = Array.from({ length: this.threads }, (_, thread) => thread);
    return {
      reports: all.flatMap((thread) => answers.get(thread) ?? []),
      silent: all.filter((thread) => !answers.has(thread)),
    };
  }
}
