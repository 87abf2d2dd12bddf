import { existsSync, readFileSync } from 'node:fs';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Service } from 'kubernetes-models/v1';
import { projections } from '#libs/maintenance';
import { type Manifest, ManifestFolder } from './manifests.js';
import { typeFaults } from './unknown-fields.js';

const base = new ManifestFolder('deploy/kubernetes/base');
const autoscaled = new ManifestFolder('deploy/kubernetes/autoscaled');
const all = [...base.manifests, ...autoscaled.manifests];

/** The published schemas, as packages hold them. */
const SCHEMAS = {
  Deployment: { module: 'kubernetes-models/apps/v1', Model: Deployment },
  NetworkPolicy: { module: 'kubernetes-models/networking.k8s.io/v1', Model: NetworkPolicy },
  PodDisruptionBudget: { module: 'kubernetes-models/policy/v1', Model: PodDisruptionBudget },
  Service: { module: 'kubernetes-models/v1', Model: Service },
  ScaledObject: { module: '@kubernetes-models/keda/keda.sh/v1alpha1', Model: ScaledObject },
};

const schemaOf = ({ kind }: Manifest) => SCHEMAS[kind as keyof typeof SCHEMAS];
const container = (deployment: Manifest) => deployment.spec.template.spec.containers[0];
const settings = Object.fromEntries(
  (base.kustomization.configMapGenerator?.[0]?.literals ?? []).map(literal => literal.split('=')),
);

describe('the Kubernetes manifests', () => {
  it.each(all.map(manifest => [manifest.kind, manifest.metadata.name, manifest] as const))(
    '%s %s is as its schema says',
    (_kind, _name, manifest) => {
      const { Model } = schemaOf(manifest);
      expect([Model.apiVersion, Model.kind]).toEqual([manifest.apiVersion, manifest.kind]);
      // biome-ignore lint/suspicious/noExplicitAny: whether it is one is what is asked
      expect(() => new Model(manifest as any).validate()).not.toThrow();
    },
  );

  const typed = (manifest: Manifest) => ({
    module: schemaOf(manifest).module,
    kind: manifest.kind,
    object: manifest,
  });

  it('have no field that there is not', () => {
    expect(typeFaults(all.map(typed))).toEqual([]);
    const [service] = base.of('Service') as [Manifest];
    const misspelled = { ...service, spec: { ...service.spec, selektor: {} } };
    expect(typeFaults([typed(misspelled)])).toEqual([expect.stringContaining('selektor')]);
  }, 60_000);

  it.each([base, autoscaled])('are all listed for kustomize', folder => {
    expect(folder.kustomization.resources.filter(resource => resource.endsWith('.yaml')).sort()).toEqual(
      folder.files.sort(),
    );
  });

  it('run each service, where the image has it and where it listens', () => {
    const image = readFileSync('Dockerfile', 'utf8');
    const ports = base.of('Deployment').map(deployment => {
      const { command = ['node', 'dist/apps/gateway/src/main.js'], ports } = container(deployment);
      const { name } = deployment.metadata;
      expect(command).toEqual(['node', `dist/apps/${name}/src/main.js`]);
      expect(existsSync(`apps/${name}/src/main.ts`)).toBe(true);
      expect(image).toContain(`${name === 'gateway' ? ' PORT' : ' HEALTH_PORT'}=${ports[0].containerPort}`);
      return name;
    });
    expect(ports.sort()).toEqual(['gateway', ...projections.map(({ name }) => name)].sort());
  });

  it('let nobody connect to a service but where it listens, and services to Redis and names only', () => {
    const names = base.of('Deployment').map(({ metadata }) => metadata.name);
    for (const name of names) {
      const [policy, ...others] = base
        .of('NetworkPolicy')
        .filter(({ spec: { podSelector, policyTypes } }) => {
          const { matchLabels = {}, matchExpressions = [] } = podSelector;
          const selected = [matchLabels[NAME], ...matchExpressions.flatMap(({ values }: Selector) => values)];
          return policyTypes.includes('Ingress') && selected.includes(name);
        });
      expect(others).toEqual([]);
      const [port] = container(
        base.of('Deployment').find(({ metadata }) => metadata.name === name) as Manifest,
      ).ports;
      expect(policy?.spec.ingress.map(({ ports }: Rule) => ports)).toEqual([
        [{ protocol: 'TCP', port: port.name }],
      ]);
    }
    const egress = base.of('NetworkPolicy').filter(({ spec }) => spec.policyTypes.includes('Egress'));
    expect(egress.map(({ spec }) => spec.podSelector.matchLabels)).toEqual([
      { 'app.kubernetes.io/part-of': 'questlog' },
    ]);
    expect(egress.flatMap(({ spec }) => spec.egress).filter(({ ports }: Rule) => ports.length === 0)).toEqual(
      [],
    );
  });

  it('set only what Questlog reads', () => {
    const known = readFileSync('.env.example', 'utf8');
    const variables = base
      .of('Deployment')
      .flatMap(deployment => container(deployment).env as { name: string }[]);
    for (const name of [...Object.keys(settings), ...variables.map(({ name }) => name)])
      expect(known).toMatch(new RegExp(`^${name}=`, 'm'));
  });

  it('scale every worker', () => {
    const scaled = autoscaled.of('ScaledObject').map(({ metadata }) => metadata.name);
    expect(scaled.sort()).toEqual(projections.map(({ name }) => name).sort());
  });

  it.each(autoscaled.of('ScaledObject').map(object => [object.metadata.name, object] as const))(
    'scale %s by the lag that the gateway counts',
    (name, { spec }) => {
      const stream = projections.find(projection => projection.name === name)?.stream;
      const [service] = base.of('Service') as [Manifest];
      expect(spec.scaleTargetRef.name).toBe(name);
      expect(spec.triggers).toHaveLength(1);
      const [{ type, metadata }] = spec.triggers as [Trigger];
      expect(type).toBe('metrics-api');
      expect(metadata).toMatchObject({
        url: `http://${service.metadata.name}.questlog.svc/metrics`,
        format: 'prometheus',
        valueLocation: `questlog_group_lag_events{group="${name}",stream="${stream}"}`,
      });
      expect(Number(metadata.targetValue)).toBeGreaterThan(0);
    },
  );
});

const NAME = 'app.kubernetes.io/name';

interface Selector {
  readonly values: readonly string[];
}

interface Rule {
  readonly ports: readonly object[];
}

interface Trigger {
  readonly type: string;
  readonly metadata: Readonly<Record<string, string>>;
}
