import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'

/** Where a result was measured. Nothing in it names a host or a person. */
export interface Machine {
  /** Name of the folder of its results. */
  slug: string
  cpu: string
  cores: number
  memoryBytes: number
  os: string
  kernel: string
  node: string
}

export function thisMachine(): Machine {
  const cpu = cpus()[0]?.model.trim() || process.arch
  const cores = availableParallelism()
  return {
    slug: machineSlug(cpu, cores, process.platform),
    cpu,
    cores,
    memoryBytes: totalmem(),
    os: osName(),
    kernel: release(),
    node: process.version,
  }
}

/**
 * A stable folder name, the same after a reboot and for every machine of the same kind.
 *
 * @example machineSlug('Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz', 4, 'linux') // 'intel-xeon-e5-2686-v4-4c-linux'
 */
export function machineSlug(cpu: string, cores: number, platform: string): string {
  const model = cpu
    .replace(/\((r|tm|c)\)/gi, ' ')
    .replace(/@.*$/, ' ')
    .replace(/\b(cpu|processor|\d+-core)\b/gi, ' ')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48)
    .replace(/-+$/, '')
  return `${model || 'unknown-cpu'}-${cores}c-${platform}`
}

function osName(): string {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform
  } catch {
    return process.platform
  }
}
