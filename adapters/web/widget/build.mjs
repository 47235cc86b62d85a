// Builds src/main.ts into one file. `node build.mjs [OUTFILE]`; the same source gives the same bytes.
import { build, transform } from "esbuild";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const outfile = process.argv[2] ?? join(here, "../static/frontdesk.js");

/** Style sheets become strings, minified like the code. */
const stylesheets = {
  name: "stylesheets",
  setup(builder) {
    builder.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const { code } = await transform(source, { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts"],
  outfile,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii", // the page that embeds it may be in any encoding
  legalComments: "none",
  banner: { js: "/* Frontdesk widget, MIT. Built from adapters/web/widget: do not edit. */" },
  plugins: [stylesheets],
  logLevel: "warning",
});
