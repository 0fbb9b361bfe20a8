import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output } from '../node/command.ts';
import { put, putLibraries } from './libraries.ts';

/** An image for a manifest of `examples/manifests` whose service is not Node, made of this machine's programs. */
export interface Template {
  readonly subject: string;
  readonly images: readonly { readonly name: string; readonly stopSignal?: string }[];
  /** Writes what it has beside the base. */
  readonly write: (folder: string) => Promise<void>;
  /** What to do where that fails. */
  readonly how: string;
}

const JAVA_SOURCE = fileURLToPath(new URL('../../images/Service.java', import.meta.url));
const JAVA_HOME = '/opt/java';

/** @param cache folder for what is fetched or built once. */
export function templates(cache: string): readonly Template[] {
  return [
    {
      subject: 'nginx',
      // That of a distribution is stopped by SIGTERM; the official image asks for SIGQUIT.
      images: [{ name: 'edge:1.0.0' }, { name: 'edge-sigquit:1.0.0', stopSignal: 'SIGQUIT' }],
      write: async (folder) => {
        const nginx = await findNginx(join(cache, 'nginx'));
        put(folder, nginx, '/usr/sbin/nginx');
        await putLibraries(folder, nginx);
      },
      how: 'install nginx, or let apt-get download it',
    },
    {
      subject: 'Java',
      images: [{ name: 'billing:1.0.0' }, { name: 'ledger:1.0.0' }],
      write: writeJava,
      how: 'install a JDK 17 or later with jlink, and curl',
    },
  ];
}

/** The installed one; or the distribution's, unpacked here: installing it would start a server on this machine. */
async function findNginx(folder: string): Promise<string> {
  const installed = '/usr/sbin/nginx';
  if (existsSync(installed)) return installed;
  const unpacked = join(folder, 'usr/sbin/nginx');
  if (existsSync(unpacked)) return unpacked;
  const staging = `${folder}.staging`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  await output('apt-get', ['download', 'nginx'], staging);
  const [file = ''] = readdirSync(staging);
  await output('dpkg-deb', ['--extract', file, '.'], staging);
  rmSync(folder, { recursive: true, force: true });
  renameSync(staging, folder);
  return unpacked;
}

async function writeJava(folder: string): Promise<void> {
  const home = join(folder, JAVA_HOME);
  const small = ['--strip-debug', '--no-header-files', '--no-man-pages'];
  await output('jlink', ['--add-modules', 'java.base,jdk.httpserver', ...small, '--output', home]);
  for (const program of ['bin/java', 'lib/server/libjvm.so']) await putLibraries(folder, join(home, program));
  mkdirSync(join(folder, 'usr/bin'), { recursive: true });
  symlinkSync(join(JAVA_HOME, 'bin/java'), join(folder, 'usr/bin/java'));
  const classes = join(folder, 'app/classes');
  mkdirSync(classes, { recursive: true });
  await output('javac', ['-d', classes, JAVA_SOURCE]);
  const jar = join(folder, 'app/app.jar');
  await output('jar', ['--create', '--file', jar, '--main-class', 'Service', '-C', classes, '.']);
  const curl = (await output('sh', ['-c', 'command -v curl'])).trim();
  put(folder, curl, '/usr/bin/curl');
  await putLibraries(folder, curl);
}
