import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProfileKind } from './options.ts'
import type { Profile } from './profiler.ts'

/** Which of V8's formats a profile of this kind has. */
export function v8Ending(kind: ProfileKind): 'cpuprofile' | 'heapprofile' {
  return kind === 'cpu' ? 'cpuprofile' : 'heapprofile'
}

/** A name for the file of a profile that is taken now: what it is of, and when. */
export function profileName(kind: ProfileKind | 'gc', about: string, wallMs: number = Date.now()): string {
  return `${about}-${kind}-${new Date(wallMs).toISOString().slice(0, 19).replaceAll(':', '-')}`
}

/**
 * Writes a profile in both formats: one file of pprof's, and one of V8's for each thread, because that format has room for
 * one only. `go tool pprof` opens the former, Chrome's DevTools, VS Code and Speedscope open the latter.
 *
 * @param name without ending, see {@link profileName}.
 * @returns the paths.
 */
export function writeProfile(profile: Profile, folder: string, name: string): string[] {
  mkdirSync(folder, { recursive: true })
  const write = (file: string, content: string | Uint8Array): string => {
    const path = join(folder, file)
    writeFileSync(path, content)
    return path
  }
  const several = profile.texts.length > 1
  return [
    write(`${name}.pb.gz`, profile.pprof),
    ...profile.texts.map((thread) => {
      const of = several ? `.${thread.name.replace(' ', '-')}` : ''
      return write(`${name}${of}.${v8Ending(profile.kind)}`, thread.text)
    }),
  ]
}
