/** More routes than these are not the service's own. */
const LIMIT = 100;

/**
 * Names routes for log and metrics: of a route with several spellings the first, and at most 100
 * names in the life of a process, so that no caller can make the metrics grow.
 */
export function createRouteNames(): (route: string) => string {
  const known = new Set<string>();
  return (route) => {
    const [name = 'none'] = route.split(',', 1);
    if (known.size < LIMIT) known.add(name);
    return known.has(name) ? name : 'other';
  };
}
