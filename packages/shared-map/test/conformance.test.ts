import { createSharedMap, type MapKind } from '@qps/shared-map'
import { sharedMapConformance } from '@qps/testkit'

for (const kind of ['snapshot', 'locked', 'sharded', 'optimistic'] satisfies MapKind[]) {
  sharedMapConformance(kind, { create: (options) => createSharedMap({ kind, ...options }), threads: true })
}
