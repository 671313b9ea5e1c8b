import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds a running echo.tv. Host and Origin are rewritten, because the server's front door knows only its own names.
const server = "http://127.0.0.1:5175";
const proxied = { target: server, changeOrigin: true, ws: true, rewriteWsOrigin: true, headers: { origin: server } };

// first.ts is imported by main.ts, and as a script of its own it runs before that has come.
const first: Plugin = {
  name: "first",
  transformIndexHtml: {
    order: "post",
    handler: (_, { bundle }) =>
      Object.values(bundle ?? {}).flatMap((c) => (c.type === "chunk" && c.name === "first" ? [{ tag: "script", attrs: { type: "module", async: true, crossorigin: true, src: `./${c.fileName}` } }] : [])),
  },
};

export default defineConfig(({ mode }) => ({
  base: "./",
  plugins: [svelte(), first],
  // Svelte's server build is what Node would pick; component tests need the browser's.
  resolve: mode === "test" ? { conditions: ["browser"] } : undefined,
  build: {
    target: ["chrome111", "firefox114", "safari16.4"],
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { index: "index.html", first: "src/first.ts" } },
    chunkSizeWarningLimit: 450, // kB: hls.js/light alone is ~370, loaded only where push does not do
  },
  server: { proxy: { "/api": proxied, "/stat.json": proxied, "/hls": proxied } },
  test: {
    environment: "happy-dom",
    environmentOptions: { happyDOM: { url: "http://127.0.0.1:5175/", settings: { navigation: { disableMainFrameNavigation: true } } } },
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/lib/test/setup.ts"],
  },
}));
