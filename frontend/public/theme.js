// Runs before the first paint, so that a chosen theme never flashes in the other one. lib/state/theme.svelte.ts keeps it from then on.
try {
  const chosen = JSON.parse(localStorage.getItem("echotv.theme"));
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // No storage, or not ours: the system's preference stands.
}
