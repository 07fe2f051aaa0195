/** The page: who is logged in, its views, and the events that feed them. */
import { parseInfo } from '../lib/info.js';
import { Api, RequestFailed, type SessionFacts } from './api.js';
import { BigKeysView } from './big-keys.js';
import { ClientsView } from './clients.js';
import { CommandLineView } from './command-line.js';
import { ConfigurationView } from './configuration.js';
import { announce, byId, make, setText } from './dom.js';
import { OverviewView, serverLine } from './overview.js';
import { ReplicationView } from './replication.js';
import { SlowLogView } from './slow-log.js';
import type { Sample, View } from './view.js';

const api = new Api();
const views: Readonly<Record<string, View>> = {
  overview: new OverviewView(),
  replication: new ReplicationView(),
  clients: new ClientsView(api),
  slowlog: new SlowLogView(api),
  configuration: new ConfigurationView(api),
  bigkeys: new BigKeysView(api),
  commands: new CommandLineView(api),
};
const FIRST = 'overview';

let current = '';
let events: EventSource | null = null;

function buildViews(): void {
  const main = byId('views');
  const menu = byId('menu');
  for (const [name, view] of Object.entries(views)) {
    const heading = make('h2', {
      text: view.title,
      id: `title-${name}`,
      attributes: { tabindex: '-1' },
    });
    view.element.prepend(heading);
    view.element.setAttribute('aria-labelledby', heading.id);
    view.element.hidden = true;
    main.append(view.element);
    const link = make('a', {
      text: view.title,
      id: `link-${name}`,
      attributes: { href: `#${name}` },
    });
    // The place in the address stays the same, which no event tells: who clicks again wants what is new.
    link.addEventListener('click', () => {
      if (name === current) choose(name, true);
    });
    menu.append(make('li', {}, link));
  }
}

/** @param isAsked whether somebody has chosen it: then the keyboard goes there */
function choose(name: string, isAsked: boolean): void {
  const chosen = Object.hasOwn(views, name) ? name : FIRST;
  if (chosen !== current) {
    views[current]?.hidden?.();
    for (const [other, { element }] of Object.entries(views)) {
      element.hidden = other !== chosen;
      byId(`link-${other}`).toggleAttribute('aria-current', other === chosen);
      if (other === chosen) byId(`link-${other}`).setAttribute('aria-current', 'page');
    }
    current = chosen;
    announce('');
  }
  document.title = `${views[chosen]!.title} · Darter`;
  if (isAsked) byId(`title-${chosen}`).focus();
  views[chosen]!.shown?.();
}

function watch(): void {
  events?.close();
  events = new EventSource('/console/api/events');
  events.addEventListener('message', ({ data }) => take(JSON.parse(data as string)));
  events.addEventListener('open', () => setText(byId('feed'), 'live'));
  events.addEventListener('failed', ({ data }) => setText(byId('feed'), JSON.parse(data).error));
  events.addEventListener('denied', ({ data }) => stopWatching(JSON.parse(data).error));
  events.addEventListener('ended', () => leave('The session has ended.'));
  events.addEventListener('error', () => {
    setText(byId('feed'), 'no connection');
    // The browser tries again after a lost connection, but not after a refusal.
    if (events?.readyState === EventSource.CLOSED) void findOutWhy();
  });
}

function stopWatching(why: string): void {
  events?.close();
  events = null;
  setText(byId('feed'), 'not live');
  announce(why, true);
}

async function findOutWhy(): Promise<void> {
  stopWatching('No live figures: the server refuses them to this user, or too many look.');
  try {
    if ((await api.session()) === null) leave('The session has ended.');
  } catch {
    announce('The server does not answer.', true);
  }
}

interface Event {
  readonly at: number;
  readonly info: string;
  readonly latency: Sample['latency'];
  readonly threads: Sample['threads'];
}

function take({ at, info, latency, threads }: Event): void {
  const sample: Sample = { atMs: at, info: parseInfo(info), latency, threads };
  setText(byId('server'), serverLine(sample.info));
  setText(byId('feed'), 'live');
  for (const [name, view] of Object.entries(views)) view.sampled?.(sample, name === current);
}

function enter({ user }: SessionFacts): void {
  setText(byId('user'), user);
  byId('login').hidden = true;
  byId('console').hidden = false;
  current = '';
  choose(location.hash.slice(1), false);
  watch();
}

function leave(why: string): void {
  events?.close();
  events = null;
  api.forget();
  for (const view of Object.values(views)) view.forget?.();
  byId('console').hidden = true;
  byId('login').hidden = false;
  setText(byId('login-error'), why);
  document.title = 'Log in · Darter';
  byId('login-user').focus();
}

async function logIn(user: string, password: string | null): Promise<void> {
  try {
    const facts = await api.logIn(user, password);
    setText(byId('login-error'), '');
    byId<HTMLInputElement>('login-password').value = '';
    enter(facts);
  } catch (error) {
    setText(byId('login-error'), (error as Error).message);
  }
}

/** A server whose default user needs no password lets one in, as it does with redis-cli. */
async function begin(): Promise<void> {
  try {
    const facts = (await api.session()) ?? (await api.logIn('', null));
    enter(facts);
  } catch (error) {
    const isExpected = error instanceof RequestFailed && error.status === 401;
    leave(isExpected ? '' : (error as Error).message);
  }
}

buildViews();
byId('skip').addEventListener('click', (event) => {
  event.preventDefault();
  byId('views').focus();
});
byId('login-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const { value: user } = byId<HTMLInputElement>('login-user');
  const { value: password } = byId<HTMLInputElement>('login-password');
  void logIn(user, password === '' && user === '' ? null : password);
});
byId('logout').addEventListener('click', () => {
  api
    .logOut()
    .catch(() => {})
    .then(() => leave('Logged out.'));
});
api.onLoggedOut = leave;
window.addEventListener('hashchange', () => {
  if (!byId('console').hidden) choose(location.hash.slice(1), true);
});
void begin();
