import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePortGroup } from '../free-port.ts';
import { expectOk } from './http.ts';
import { createServerFolder } from './server-folder.ts';
import { type ServerControls, startServerProcess } from './server-process.ts';

export interface NacosOptions {
  /** From `ensureNacosClasspath()`. */
  readonly classpath: string;
  /** `on`: every call needs a login; the admin `nacos` is created. Default `off`. */
  readonly auth?: 'off' | 'on';
  /** The port of its HTTP API; those 1000 below, 1000 and 1001 above are taken as well. Default: a free one. */
  readonly port?: number;
  /** More of Nacos' own properties, over ours. Default: none. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Longest time until it is ready, in milliseconds. Default 90,000: six seconds on an idle machine, more on a busy one. */
  readonly startTimeoutMs?: number;
}

/** A running Nacos in standalone mode. `down()` and `up()` keep users and persistent instances, not ephemeral ones. */
export interface NacosServer extends ServerControls {
  /** `http://127.0.0.1:port`; the paths of the HTTP API begin with `/nacos`. */
  readonly addr: string;
  /** The admin; `undefined` without auth. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /**
   * Adds a user that may log in and has no rights.
   *
   * @throws Error without auth, or with Nacos' words when it refuses.
   */
  addUser(username: string, password: string): Promise<void>;
}

const ADMIN = 'nacos';
const MAIN_CLASS = 'prestop.nacos.NacosServer';
/** gRPC for clients, gRPC for servers and Raft, next to HTTP. No setting moves them or binds them to one address. */
const PORT_OFFSETS: readonly number[] = [0, 1000, 1001, -1000];

/**
 * Starts Nacos on free ports and waits until it reports `UP`. HTTP listens on 127.0.0.1 only. Does not build it.
 *
 * @throws TestkitError as `startServerProcess`.
 */
export async function startNacos(options: NacosOptions): Promise<NacosServer> {
  const { classpath, auth = 'off', properties = {}, startTimeoutMs = 90_000 } = options;
  const { port = await freePortGroup(PORT_OFFSETS) } = options;
  const addr = `http://127.0.0.1:${port}`;
  const api = `${addr}/nacos/v1`;

  const folder = createServerFolder();
  const conf = join(folder, 'conf');
  mkdirSync(conf);
  writeFileSync(join(conf, 'application.properties'), toProperties({ ...settings(port, auth), ...properties }));

  const controls = await startServerProcess({
    server: 'Nacos',
    addr,
    folder,
    command: 'java',
    args: [
      '-Xmx512m',
      // Quicker to start, which is most of what a test server does.
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-XX:-UsePerfData',
      // Some of its logs go to the home folder, whatever nacos.home says.
      `-Duser.home=${folder}`,
      `-Dnacos.home=${folder}`,
      '-cp',
      classpath,
      MAIN_CLASS,
      `--spring.config.additional-location=file:${conf}/`,
    ],
    ready: async () => (await expectOk(`${api}/ns/operator/metrics`)).includes('"UP"'),
    startTimeoutMs,
  });

  const password = auth === 'on' ? randomBytes(12).toString('hex') : undefined;
  if (password !== undefined) {
    try {
      await post(`${api}/auth/users/admin`, { password });
    } catch (error) {
      await controls.stop();
      throw error;
    }
  }

  return Object.assign(controls, {
    addr,
    username: password === undefined ? undefined : ADMIN,
    password,
    async addUser(name: string, secret: string): Promise<void> {
      if (password === undefined) throw new Error(`Nacos at ${addr}: addUser() needs auth; start it with auth: 'on'`);
      const login = await post(`${api}/auth/users/login`, { username: ADMIN, password });
      const { accessToken } = JSON.parse(login) as { readonly accessToken: string };
      await post(`${api}/auth/users`, { username: name, password: secret, accessToken });
    },
  });
}

function settings(port: number, auth: 'off' | 'on'): Readonly<Record<string, string>> {
  return {
    'server.port': String(port),
    'server.address': '127.0.0.1',
    'server.servlet.contextPath': '/nacos',
    'nacos.inetutils.ip-address': '127.0.0.1',
    'nacos.core.auth.enabled': String(auth === 'on'),
    'nacos.core.auth.system.type': 'nacos',
    // Cached, a new user could not log in for some seconds.
    'nacos.core.auth.caching.enabled': 'false',
    'nacos.core.auth.server.identity.key': 'prestop-test',
    'nacos.core.auth.server.identity.value': randomBytes(12).toString('hex'),
    'nacos.core.auth.plugin.nacos.token.secret.key': randomBytes(48).toString('base64'),
    'spring.main.allow-circular-references': 'true',
  };
}

/** The text of a Java properties file. */
function toProperties(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`)
    .join('');
}

function post(url: string, form: Readonly<Record<string, string>>): Promise<string> {
  return expectOk(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
}
