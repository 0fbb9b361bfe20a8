import type { CallerRequest, CallerTls, ClientKind, Outcome, TargetClient } from './caller-client.ts';
import { CallerPlan, type RequestKind } from './caller-plan.ts';
import { evenLags, StaleDirectory, Watcher } from './discovery.ts';
import { checkOption, TestkitError } from './errors.ts';
import { seededRandom, shuffled } from './random.ts';
import { type CallerCounters, type CallerTally, Ledger, type SentRequest, type SettledRequest } from './tally.ts';
import { targetClient } from './target-client.ts';
import { nowMs, type Pause, pause } from './timing.ts';

export interface CallersOptions {
  /** The instances listed now, as `host:port`; polled by one watcher for all callers. */
  readonly discover: () => Promise<readonly string[]>;
  /** What they send; at least one kind. */
  readonly requests: readonly RequestKind[];
  /** Callers, each with one request in flight at a time. Default 40. */
  readonly count?: number;
  /**
   * How late the last caller learns of a removal, in milliseconds; the others learn at even steps before it. A list gives
   * each caller a lag of its own. Additions are known at once. Default 0.
   */
  readonly lagMs?: number | readonly number[];
  /** Pause between two polls of `discover`, in milliseconds. Default 20. */
  readonly discoverEveryMs?: number;
  /** Mean pause of a caller between two requests, in milliseconds, with ±50 % seeded jitter. Default 20. */
  readonly thinkMs?: number;
  /** Kinds of clients, dealt to the callers in turn. Default `['node', 'undici']`. */
  readonly clients?: readonly ClientKind[];
  /** How a caller chooses among the instances it knows. Default `round-robin`, each from a place of its own. */
  readonly balance?: 'round-robin' | 'random';
  /** When a request without a complete answer is given up and lost, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** Speak TLS to every instance. Default: plain HTTP. */
  readonly tls?: CallerTls;
  /** The same seed gives every caller the same requests, pauses and lag. Default 1. */
  readonly seed?: number;
  /** Told of the counters every `progressEveryMs` and once at the end. */
  readonly onProgress?: (counters: CallerCounters) => void;
  /** Default 1000. */
  readonly progressEveryMs?: number;
  /** Told of every request when it is sent. */
  readonly onSent?: (request: SentRequest) => void;
  /** Told of every request when it is answered or lost. */
  readonly onSettled?: (request: SettledRequest) => void;
}

/** Callers at work. */
export interface Callers {
  counters(): CallerCounters;
  /** All figures so far. */
  tally(): CallerTally;
  /**
   * Resolves when `count` requests have been answered since the start: the way to begin under load.
   *
   * @param timeoutMs Default 10,000.
   * @throws TestkitError `ERR_TESTKIT_TIMEOUT`
   */
  waitForAnswered(count: number, timeoutMs?: number): Promise<void>;
  /** Sends nothing more, waits for what is in flight, closes all connections. Every call gives the same tally. */
  stop(): Promise<CallerTally>;
}

/**
 * Closed-loop callers with their own kept-alive connections and their own, late view of discovery. A request is lost when it
 * got no complete valid answer for any reason whatever; nothing is ever sent twice. A connection to an instance that was
 * removed is left idle, as a pool does that was told nothing, until the server or the client's own idle limit ends it.
 *
 * @throws TestkitError `ERR_TESTKIT_OPTION_INVALID`
 */
export function startCallers(options: CallersOptions): Callers {
  const settings = checked(options);
  const lags = lagsOf(settings);
  const directory = new StaleDirectory(Math.max(...lags));
  const ledger = new Ledger(nowMs());
  const watcher = new Watcher(settings.discover, directory, settings.discoverEveryMs);
  const callers = lags.map((lagMs, index) => new Caller(index, lagMs, settings, directory, watcher, ledger));
  const running = Promise.all(callers.map((caller) => caller.run()));
  const { onProgress } = settings;
  const progress = onProgress && setInterval(() => onProgress(ledger.counters(nowMs())), settings.progressEveryMs);
  let stopped: Promise<CallerTally> | undefined;

  const stop = async (): Promise<CallerTally> => {
    for (const caller of callers) caller.stop();
    watcher.stop();
    await running;
    for (const caller of callers) caller.close();
    clearInterval(progress);
    onProgress?.(ledger.counters(nowMs()));
    return ledger.tally(nowMs(), watcher.failures);
  };

  return {
    counters: () => ledger.counters(nowMs()),
    tally: () => ledger.tally(nowMs(), watcher.failures),
    async waitForAnswered(count, timeoutMs = 10_000) {
      const untilMs = nowMs() + timeoutMs;
      while (ledger.counters(nowMs()).answered < count) {
        if (nowMs() >= untilMs) {
          const counters = JSON.stringify(ledger.counters(nowMs()));
          throw new TestkitError('ERR_TESTKIT_TIMEOUT', `no ${count} answers within ${timeoutMs} ms: ${counters}`);
        }
        await pause(10).over;
      }
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

function lagsOf({ count, lagMs, seed }: Settings): readonly number[] {
  return typeof lagMs === 'number' ? shuffled(evenLags(count, lagMs), seededRandom(seed, -1)) : lagMs;
}

type OptionalNames = 'onProgress' | 'onSent' | 'onSettled' | 'tls';
type Settings = Required<Omit<CallersOptions, OptionalNames>> & Pick<CallersOptions, OptionalNames>;

function checked(options: CallersOptions): Settings {
  const settings: Settings = {
    count: 40,
    lagMs: 0,
    discoverEveryMs: 20,
    thinkMs: 20,
    clients: ['node', 'undici'],
    balance: 'round-robin',
    timeoutMs: 30_000,
    seed: 1,
    progressEveryMs: 1000,
    ...options,
  };
  const check = (holds: boolean, option: string, rule: string, value: unknown) =>
    checkOption(holds, 'startCallers', option, rule, value);
  const { count, requests, clients, lagMs } = settings;
  check(Number.isSafeInteger(count) && count > 0, 'count', 'a whole number from 1', count);
  check(requests.length > 0, 'requests', 'a list of at least one kind', requests);
  check(clients.length > 0, 'clients', 'a list of at least one kind', clients);
  const isDuration = (ms: number) => Number.isFinite(ms) && ms >= 0;
  for (const name of ['discoverEveryMs', 'thinkMs', 'timeoutMs', 'progressEveryMs'] as const) {
    check(isDuration(settings[name]), name, 'milliseconds from 0', settings[name]);
  }
  if (typeof lagMs === 'number') check(isDuration(lagMs), 'lagMs', 'milliseconds from 0', lagMs);
  else check(lagMs.length === count && lagMs.every(isDuration), 'lagMs', `a list of ${count}, from 0 each`, lagMs);
  return settings;
}

class Caller {
  readonly #index: number;
  readonly #lagMs: number;
  readonly #settings: Settings;
  readonly #kind: ClientKind;
  readonly #directory: StaleDirectory;
  readonly #watcher: Watcher;
  readonly #ledger: Ledger;
  readonly #targetClients = new Map<string, TargetClient>();
  readonly #plan: CallerPlan;
  #turn: number;
  #stopping = false;
  #pause: Pause | undefined;

  constructor(
    index: number,
    lagMs: number,
    settings: Settings,
    directory: StaleDirectory,
    watcher: Watcher,
    ledger: Ledger,
  ) {
    this.#index = index;
    this.#lagMs = lagMs;
    this.#settings = settings;
    this.#directory = directory;
    this.#watcher = watcher;
    this.#ledger = ledger;
    this.#kind = settings.clients[index % settings.clients.length] ?? 'node';
    this.#plan = new CallerPlan(index, settings);
    this.#turn = Math.floor(this.#plan.balancing() * settings.count);
  }

  async run(): Promise<void> {
    while (!this.#stopping) {
      const { pauseMs, request } = this.#plan.next();
      if (pauseMs > 0) await this.#sleep(pauseMs);
      const target = await this.#someTarget();
      if (target !== undefined) await this.#call(target, request);
    }
  }

  stop(): void {
    this.#stopping = true;
    this.#pause?.end();
  }

  close(): void {
    for (const client of this.#targetClients.values()) client.close();
    this.#targetClients.clear();
  }

  /** Waits while there is none; `undefined` when the caller stops. */
  async #someTarget(): Promise<string | undefined> {
    while (!this.#stopping) {
      const target = this.#choose();
      if (target !== undefined) return target;
      this.#ledger.starved();
      await this.#watcher.nextAddition();
    }
    return undefined;
  }

  #choose(): string | undefined {
    const view = this.#directory.view(this.#lagMs, nowMs());
    const { balance } = this.#settings;
    const place = balance === 'random' ? Math.floor(this.#plan.balancing() * view.length) : this.#turn++;
    return view[place % view.length];
  }

  async #call(target: string, request: CallerRequest): Promise<void> {
    const { timeoutMs, onSent, onSettled } = this.#settings;
    const sentAtMs = nowMs();
    this.#ledger.sent(target, sentAtMs);
    const sent: SentRequest = {
      caller: this.#index,
      client: this.#kind,
      target,
      method: request.method ?? 'GET',
      path: request.path,
      atMs: sentAtMs - this.#ledger.startedAtMs,
    };
    onSent?.(sent);
    const outcome = await this.#clientFor(target).send(request, timeoutMs);
    const { status, requestOnConnection } = outcome;
    const afterMs = nowMs() - sentAtMs;
    if (outcome.cause === undefined && status !== undefined) this.#ledger.completed(status);
    const cause = causeOfLoss(request, outcome);
    const settled: SettledRequest = {
      ...sent,
      afterMs,
      reusedSocket: requestOnConnection > 1,
      requestOnConnection,
      ...(status === undefined ? {} : { status }),
    };
    if (cause === undefined) this.#ledger.answered(target, afterMs);
    else this.#ledger.lost({ ...settled, cause });
    onSettled?.(cause === undefined ? settled : { ...settled, cause });
  }

  #clientFor(target: string): TargetClient {
    const known = this.#targetClients.get(target);
    if (known !== undefined) return known;
    const client = targetClient(this.#kind, target, this.#settings.tls);
    this.#targetClients.set(target, client);
    return client;
  }

  #sleep(ms: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    this.#pause = pause(ms);
    return this.#pause.over;
  }
}

/** @returns `undefined` for a complete valid answer. */
function causeOfLoss(request: CallerRequest, outcome: Outcome): string | undefined {
  const { status = 0, body = '', cause } = outcome;
  if (cause !== undefined) return cause;
  if (status < 200 || status > 299) return `status ${status}`;
  return request.validate?.(status, body) === false ? 'invalid answer' : undefined;
}
