import { SDK_DEFAULTS } from '../defaults.ts';
import { type Container, resolvePort } from '../lint/container.ts';
import type { PortSlot } from './settings.ts';

/** What names say of ports: those that callers call, and those that are for whoever runs the service. */
const CALLED_PORT = /^(https?|h2c?|grpc|web|api|app|main)(-|$)/i;
const OPERATED_PORT = /^(admin|metrics|prometheus|management|health|probes?|debug|monitoring)(-|$)/i;

export interface PodPortsContext {
  readonly env: Readonly<Record<string, string>>;
  /** How the user says that the service takes its ports; see `--port`. */
  readonly asked: readonly string[];
  /** Told what people should know of the choice. */
  readonly note: (note: string) => void;
}

/** The ports of a container, the callers' first, each in a slot: those that it declares, and those that are asked of it. */
export class PodPorts {
  readonly #container: Container;
  readonly #context: PodPortsContext;
  readonly #ports: number[];

  constructor(container: Container, context: PodPortsContext) {
    this.#container = container;
    this.#context = context;
    this.#ports = this.#declared();
  }

  /** Where the SDK's admin server listens when nobody says otherwise. */
  get admin(): number {
    const written = this.#context.env[SDK_DEFAULTS.adminPortSetting];
    return written !== undefined && /^\d+$/.test(written) ? Number(written) : SDK_DEFAULTS.adminPort;
  }

  /** The slot of a port, which gets one if it has none. */
  slotOf(port: number): number {
    const known = this.#ports.indexOf(port);
    return known === -1 ? this.#ports.push(port) - 1 : known;
  }

  slots(hookSlot: number | undefined): PortSlot[] {
    return this.#ports.map((declared, index) => {
      const carriers = Object.entries(this.#context.env).filter(([, value]) => value === String(declared));
      const settings = carriers.map(([name]) => name);
      const usual = index === 0 ? 'PORT' : index === hookSlot ? SDK_DEFAULTS.adminPortSetting : undefined;
      return { settings: settings.length > 0 || usual === undefined ? settings : [usual], declared };
    });
  }

  /** Those that the user names, in that order, and then those that callers may call. */
  #declared(): number[] {
    const { ports, preStop } = this.#container;
    const hookPort = preStop?.http === undefined ? undefined : resolvePort(preStop.http.port, this.#container)?.number;
    const ranked = ports
      .flatMap(({ number, name }) =>
        number === undefined ? [] : [{ number, rank: this.#rank(number, name, hookPort) }],
      )
      .toSorted((left, right) => left.rank - right.rank);
    const known = ranked.map(({ number }) => number);
    const asked = this.#context.asked.map((word) => this.#portNamed(word, [...known, hookPort]));
    const rest = known.filter((port) => !asked.includes(port));
    if (asked.length === 0 && known.length > 1 && ranked[0]?.rank !== 0) {
      this.#context.note(`callers call port ${known[0]}; --port names another one`);
    }
    return [...asked.map((port) => port ?? rest.shift()).filter((port) => port !== undefined), ...rest];
  }

  #rank(port: number, name = '', hookPort?: number): number {
    if (CALLED_PORT.test(name)) return 0;
    if (OPERATED_PORT.test(name) || port === this.admin) return 3;
    // Some services are told to stop on the port that is called; most have another one for the kubelet.
    return port === hookPort ? 2 : 1;
  }

  /** `3000`, `PORT=3000`, or the name of a setting that carries it. */
  #portNamed(word: string, ports: readonly (number | undefined)[]): number | undefined {
    const port = Number(/\d+$/.exec(word)?.[0] ?? this.#context.env[word]);
    return ports.includes(port) ? port : undefined;
  }
}
