import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** An object of the API. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects
  readonly spec: any;
}

/** What the test reads of a `kustomization.yaml`. */
export interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator?: readonly { readonly name: string; readonly literals: readonly string[] }[];
}

/** One folder for kustomize. */
export class ManifestFolder {
  constructor(private readonly path: string) {}

  get files(): string[] {
    return readdirSync(this.path).filter(file => file !== 'kustomization.yaml');
  }

  get kustomization(): Kustomization {
    return this.read('kustomization.yaml')[0] as Kustomization;
  }

  get manifests(): Manifest[] {
    return this.files.flatMap(file => this.read(file) as Manifest[]);
  }

  of(kind: string): Manifest[] {
    return this.manifests.filter(manifest => manifest.kind === kind);
  }

  /** @throws the first fault of the YAML: a key that stands twice, for example */
  private read(file: string): unknown[] {
    return parseAllDocuments(readFileSync(join(this.path, file), 'utf8')).map(document => {
      const [fault] = [...document.errors, ...document.warnings];
      if (fault) throw fault;
      return document.toJS();
    });
  }
}
