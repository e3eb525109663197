/**
 * The flags that a thread or a process of ours needs in order to resolve `@qps/*` as this one does: to sources where the
 * sources run, to compiled code where the compiled code does.
 *
 * @param ownUrl `import.meta.url` of the caller.
 */
export function sourceFlags(ownUrl: string): string[] {
  return ownUrl.endsWith('.ts') ? ['--conditions=@qps/source'] : []
}
