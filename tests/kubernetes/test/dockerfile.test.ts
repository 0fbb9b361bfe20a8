import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { dockerfiles } from '../src/images/build.ts';
import { parseDockerfile } from '../src/images/dockerfile.ts';

/** The part of a Deployment that has to agree with the image. */
interface Manifest {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly securityContext: { readonly runAsUser: number };
        readonly containers: readonly [{ readonly image: string; readonly command: readonly string[] }];
      };
    };
  };
}

describe.each([...dockerfiles()])('examples/%s/Dockerfile', (example, dockerfile) => {
  it('makes the image that its manifest runs, with the same command and user', () => {
    const file = fileURLToPath(new URL(`../../../examples/${example}/k8s/base/deployment.yaml`, import.meta.url));
    const { spec } = (parse(readFileSync(file, 'utf8')) as Manifest).spec.template;
    const [{ image, command }] = spec.containers;
    expect(dockerfile.image).toBe(image);
    expect(dockerfile.cmd).toEqual(command);
    expect(dockerfile.user).toBe(String(spec.securityContext.runAsUser));
  });

  it('copies what its build stage has written', () => {
    expect(dockerfile.run).toMatch(new RegExp(` ${dockerfile.copy.source}$`));
    expect(dockerfile.copy.target).toBe(dockerfile.workingDir);
  });
});

describe('an instruction that the images here would lack', () => {
  const lines = [
    '# docker build -t orders:1.0.0 .',
    'FROM node AS build',
    'RUN make /service',
    'FROM node',
    'WORKDIR /service',
    'COPY --from=build /service .',
    'USER 1000',
    'CMD ["node", "dist/server.js"]',
  ];

  it('is an error that names it', () => {
    expect(parseDockerfile(lines.join('\n'))).toMatchObject({ image: 'orders:1.0.0', cmd: ['node', 'dist/server.js'] });
    expect(() => parseDockerfile([...lines, 'EXPOSE 3000'].join('\n'))).toThrow('EXPOSE is not known here: 3000');
    expect(() => parseDockerfile([...lines, 'USER 0'].join('\n'))).toThrow('not one USER');
  });
});
