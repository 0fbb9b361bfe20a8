import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../node/command.ts';

/** The part of an image's configuration that a Dockerfile decides. */
export interface ImageConfig {
  readonly Env: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly StopSignal?: string;
}

export interface Layer {
  readonly digest: string;
  readonly size: number;
}

interface Descriptor extends Layer {
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const MEDIA_TYPE = 'application/vnd.oci.image';

/**
 * Images as an OCI layout, a folder with files named by their digests.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export class OciLayout {
  readonly #folder: string;
  readonly #blobs: string;
  readonly #manifests: Descriptor[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.#blobs = join(folder, 'blobs/sha256');
    mkdirSync(this.#blobs, { recursive: true });
    writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  }

  /** A layer with everything below `folder`, owned by root. The same files give the same layer. */
  async addLayer(folder: string): Promise<Layer> {
    const archive = join(this.#blobs, 'layer');
    const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
    await output('tar', [...same, '-C', folder, '-cf', archive, '.']);
    const digest = createHash('sha256').update(readFileSync(archive)).digest('hex');
    const { size } = statSync(archive);
    renameSync(archive, join(this.#blobs, digest));
    return { digest: `sha256:${digest}`, size };
  }

  addImage(name: string, layers: readonly Layer[], config: ImageConfig): void {
    const image = this.#addJson('config.v1+json', {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config,
      // Not compressed, hence the digest of the layer is that of its content.
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    });
    const manifest = this.#addJson('manifest.v1+json', {
      schemaVersion: 2,
      mediaType: `${MEDIA_TYPE}.manifest.v1+json`,
      config: image,
      layers: layers.map((layer) => ({ mediaType: `${MEDIA_TYPE}.layer.v1.tar`, ...layer })),
    });
    this.#manifests.push({ ...manifest, annotations: { 'io.containerd.image.name': fullName(name) } });
  }

  /** Writes the archive that `ctr images import` and `docker load` take. */
  async write(archive: string): Promise<void> {
    const index = { schemaVersion: 2, manifests: this.#manifests };
    writeFileSync(join(this.#folder, 'index.json'), JSON.stringify(index));
    await output('tar', ['-C', this.#folder, '-cf', archive, '.']);
  }

  #addJson(type: string, content: unknown): Descriptor {
    const text = JSON.stringify(content);
    const digest = createHash('sha256').update(text).digest('hex');
    writeFileSync(join(this.#blobs, digest), text);
    return { mediaType: `${MEDIA_TYPE}.${type}`, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
  }
}

/** What the kubelet makes of the short name in a manifest. */
function fullName(name: string): string {
  return name.includes('/') ? name : `docker.io/library/${name}`;
}
