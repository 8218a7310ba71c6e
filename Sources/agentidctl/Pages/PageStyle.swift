/// The style of pages: the reader's own fonts, light and dark, from 360 px on, and on paper.
enum PageStyle {
    static let sheet = """
        :root {
          --page: #f6f5f2; --card: #ffffff; --text: #1d2024; --soft: #565c65; --line: #d6d3cc; --code: #f0eee9;
          --accent: #24518f; --good: #17602a; --good-bg: #e5f3e8; --warn: #734600; --warn-bg: #fbf0d9;
          --bad: #96181b; --bad-bg: #fbe7e6; --own: #24518f; --past: #a9bcd8; --whole: #e3e0d9;
          color-scheme: light dark;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #131518; --card: #1c1f24; --text: #e7e9ec; --soft: #a5adb8; --line: #383d46; --code: #272b32;
            --accent: #9cc0f5; --good: #93d9a5; --good-bg: #16301e; --warn: #f0c878; --warn-bg: #33280f;
            --bad: #f7aaa6; --bad-bg: #3d191a; --own: #7fa9e6; --past: #3f5577; --whole: #30343c;
          }
        }
        *, *::before, *::after { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
        body {
          margin: 0 auto; max-width: 66rem; padding: 2.5rem 2rem 3rem; background: var(--page); color: var(--text);
          font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere;
        }
        h1, h2, h3, h4, p, dl, dd, ul, ol { margin: 0; padding: 0; }
        ul, ol { list-style: none; }
        h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.015em; text-wrap: balance; }
        h2 { font-size: 1.125rem; margin: 2.25rem 0 0.875rem; }
        h3 { font-size: 1.0625rem; line-height: 1.3; }
        h4, .eyebrow, dt { font-size: 0.8125rem; font-weight: 600; color: var(--soft); }
        code { font: 0.9375em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
        small, footer { font-size: 0.8125rem; color: var(--soft); }
        time { font-variant-numeric: tabular-nums; }
        .vh {
          position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
        }
        .eyebrow { margin-bottom: 0.125rem; }
        header.page p { color: var(--soft); }
        header.page h1 + p { margin-top: 0.375rem; }
        footer.page { margin-top: 3rem; padding-top: 0.875rem; border-top: 1px solid var(--line); }

        details > summary { cursor: pointer; }
        summary { border-radius: 4px; min-height: 1.5rem; line-height: 1.5rem; }
        summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
        .long > summary { color: var(--text); word-break: break-all; }
        .long[open] > summary { color: var(--soft); margin-bottom: 0.25rem; }
        .filters { margin: 0.25rem 0; display: flex; flex-wrap: wrap; gap: 0.375rem; }
        .filters li {
          border: 1px solid var(--line); border-radius: 6px; padding: 0.0625rem 0.5rem; background: var(--card);
        }

        .verdict {
          margin-top: 1.25rem; padding: 0.875rem 1.125rem; border-radius: 8px; border: 2px solid; max-width: 48rem;
        }
        .verdict h2 { margin: 0 0 0.25rem; font-size: 1.0625rem; }
        header.page .verdict p { color: var(--text); }
        .verdict.verified { color: var(--good); background: var(--good-bg); border-color: var(--good); }
        .verdict.decoded {
          color: var(--warn); background: var(--warn-bg); border-color: var(--warn); border-style: dashed;
        }
        .verdict.denied {
          color: var(--bad); background: var(--bad-bg); border-color: var(--bad); border-style: double;
          border-width: 4px;
        }

        .summary { display: flex; flex-wrap: wrap; gap: 0.875rem 2.5rem; margin-top: 1.75rem; }
        .summary dd { font-size: 1.25rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
        .facts {
          display: grid; gap: 0.25rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
        }
        .facts > div {
          display: grid; grid-template-columns: 5.5rem minmax(0, 1fr); gap: 0.5rem; align-items: baseline;
        }

        .chain ol { padding: 1rem 0 0 2rem; }
        .chain ol > li { position: relative; }
        .chain ol > li::before {
          content: ""; position: absolute; left: -1.25rem; top: -1rem; width: 1.25rem; height: 2.75rem;
          border: solid var(--line); border-width: 0 0 2px 2px; border-bottom-left-radius: 8px;
        }
        .chain ol.deep { padding-left: 0; }
        .chain ol.deep > li::before { left: 50%; width: 0; height: 1rem; border-radius: 0; }
        .hop { background: var(--card); border: 1.5px solid var(--line); border-radius: 10px; padding: 1rem 1.25rem; }
        .hop.decoded { border-style: dashed; border-color: var(--soft); }
        .hop.verified { border-left: 5px solid var(--good); }
        .hop.denied { border: 4px double var(--bad); }
        .hop > header {
          display: flex; justify-content: space-between; align-items: start; gap: 1rem; margin-bottom: 0.75rem;
        }
        .hop > header > div { min-width: 0; }
        .hop h4 { margin: 1rem 0 0.375rem; }
        .hop > details { margin-top: 0.875rem; font-size: 0.875rem; }
        .hop > details > summary { width: fit-content; padding-right: 0.375rem; color: var(--soft); }
        .hop > details > .facts { margin-top: 0.5rem; grid-template-columns: minmax(0, 1fr); }
        .badge, .fate, .state { font-size: 0.8125rem; font-weight: 600; white-space: nowrap; }
        .badge { padding: 0.0625rem 0.5rem; border: 1.5px solid; border-radius: 6px; }
        .badge.verified { color: var(--good); background: var(--good-bg); }
        .badge.decoded { color: var(--warn); background: var(--warn-bg); border-style: dashed; }
        .badge.denied { color: var(--bad); background: var(--bad-bg); }

        .lifetime p { font-size: 0.875rem; color: var(--soft); margin-top: 0.125rem; }
        .life { display: block; overflow: visible; }
        .life .whole { fill: var(--whole); stroke: var(--soft); stroke-width: 0.75; }
        .life .own { fill: var(--own); }
        .life .past { fill: var(--past); stroke: var(--own); stroke-width: 1; }
        .life .now { fill: var(--text); }

        .tools > li { padding: 0.5rem 0; border-top: 1px solid var(--line); }
        .tools > li:last-child { padding-bottom: 0; }
        .tool { display: flex; flex-wrap: wrap; gap: 0 0.625rem; align-items: baseline; }
        .tool > code { font-weight: 600; min-width: 0; }
        .fate { width: 6.5rem; flex: none; color: var(--soft); }
        .narrowed .fate { color: var(--accent); }
        .dropped .fate { color: var(--bad); }
        .dropped del, .dropped dl { color: var(--soft); }
        .wider, .wider .fate { color: var(--bad); }
        p.wider { background: var(--bad-bg); border-radius: 6px; padding: 0.5rem 0.75rem; margin-bottom: 0.5rem; }
        .tools dd { font: 0.875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
        .tools dl, .any { margin: 0.125rem 0 0 7.125rem; font-size: 0.9375rem; }
        .any { color: var(--soft); }
        .tools dl > div {
          display: grid; grid-template-columns: minmax(4rem, max-content) minmax(0, 1fr); gap: 0.75rem;
        }
        .tools dl > div > dt { color: var(--soft); font-weight: 400; max-width: 12rem; }
        .tools del { color: var(--soft); text-decoration-thickness: 1px; }
        .tools ins { text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 3px; }
        .arrow { padding: 0 0.25rem; color: var(--soft); }

        .agents ul { margin-left: 0.4375rem; padding-left: 1.125rem; border-left: 2px solid var(--line); }
        .agents ul.deep { margin-left: 0; padding-left: 0; border-left: 0; }
        .agents > li {
          background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.5rem;
          margin-bottom: 0.75rem; content-visibility: auto; contain-intrinsic-size: auto 4rem;
        }
        .agent > summary {
          list-style: none; display: grid; grid-template-columns: minmax(0, 24rem) minmax(0, 1fr); gap: 0 1rem;
          padding: 0.375rem 0.5rem; border-radius: 6px;
        }
        .agent > summary::-webkit-details-marker { display: none; }
        .agent .who::before {
          content: "▸" / ""; width: 0.75rem; margin-right: -0.375rem; flex: none; color: var(--soft);
        }
        .agent[open] .who::before { content: "▾" / ""; }
        .agent > summary:hover { background: var(--code); }
        .agent[open] { background: var(--code); border-radius: 6px; }
        .agent > .facts {
          padding: 0.25rem 0.5rem 0.625rem; font-size: 0.875rem; border-left: 2px solid var(--accent);
          margin-left: 0.5rem;
        }
        .agent > .facts > div:first-child { grid-column: 1 / -1; }
        .agent .who { display: flex; gap: 0.625rem; align-items: baseline; }
        .agent .who b { min-width: 0; }
        .agent .meta { grid-column: 1 / -1; font-size: 0.875rem; color: var(--soft); padding-left: 7.875rem; }
        .state { width: 6.25rem; flex: none; }
        .state.live { color: var(--good); }
        .state.lapsed, .state.expired, .state.denied, .state.suspended { color: var(--bad); }
        .state.ended { color: var(--soft); }
        .below > summary { font-size: 0.8125rem; color: var(--soft); width: fit-content; padding: 0 0.5rem; }

        @media (max-width: 40rem) {
          body { padding: 1.25rem 0.875rem 2rem; }
          h1 { font-size: 1.375rem; }
          .chain ol { padding-left: 0.75rem; }
          .chain ol > li::before { left: -0.5rem; width: 0.5rem; }
          .hop { padding: 0.875rem; }
          .hop > header { flex-direction: column; gap: 0.375rem; }
          .facts > div { grid-template-columns: 5rem minmax(0, 1fr); }
          .tools dd { font: 0.875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
        .tools dl, .any { margin-left: 0.875rem; }
          .fate { width: auto; }
          .tools dl > div { grid-template-columns: minmax(0, 1fr); gap: 0; padding-top: 0.125rem; }
          .agents > li { padding: 0.375rem; }
          .agents ul { margin-left: 0.125rem; padding-left: 0.5rem; }
          .agent > summary { grid-template-columns: minmax(0, 1fr); padding: 0.375rem 0.25rem; }
          .agent .meta { padding-left: 0; }
          .agent .who { flex-wrap: wrap; gap: 0 0.5rem; }
          .state { width: auto; }
        }
        @media (forced-colors: active) {
          .life .whole { fill: Canvas; stroke: CanvasText; }
          .life .own, .life .now { fill: CanvasText; }
          .life .past { fill: Canvas; stroke: CanvasText; }
        }
        @media print {
          :root {
            --page: #fff; --card: #fff; --text: #000; --soft: #444; --line: #999; --accent: #24518f; --good: #17602a;
            --good-bg: #fff; --warn: #734600; --warn-bg: #fff; --bad: #96181b; --bad-bg: #fff; --own: #24518f;
            --past: #a9bcd8; --whole: #e3e0d9; color-scheme: light;
          }
          body { max-width: none; padding: 0; font-size: 10pt; }
          .hop > header, .tools > li, .agent { break-inside: avoid; }
          h2, h3, h4 { break-after: avoid; }
          .life { print-color-adjust: exact; }
          .agents > li { content-visibility: visible; }
          .hop details::details-content { content-visibility: visible; block-size: auto; }
        }
        """
}
