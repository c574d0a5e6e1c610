(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");
  function all(selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); }
  function one(id) { return document.getElementById(id); }
  function later(action) {
    var waiting = 0;
    return function () { window.clearTimeout(waiting); waiting = window.setTimeout(action, 120); };
  }
  function words(text) { return text.toLowerCase().split(/\s+/).filter(Boolean); }
  function holds(text, wanted) { return wanted.every(function (word) { return text.indexOf(word) >= 0; }); }
  function plural(number, noun) { return number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s"); }

  function issues() {
    var text = one("filter-text");
    if (!text) { return; }
    var form = text.form, level = one("filter-level"), category = one("filter-category");
    var type = one("filter-type"), schema = one("filter-schema");
    var groups = all(".group").map(function (element) {
      var said = all("summary, .says", element).slice(0, 2).map(function (part) { return part.textContent; });
      return {
        element: element,
        tally: element.querySelector("[data-tally]"),
        type: element.dataset.type,
        said: said.join(" ").toLowerCase(),
        level: element.dataset.level,
        rows: all(".places > li", element).map(function (row) { return { element: row, text: null }; })
      };
    });
    var categories = all(".category").map(function (element) {
      return {
        element: element,
        tally: element.querySelector("[data-tally]"),
        name: element.dataset.category,
        groups: groups.filter(function (group) { return element.contains(group.element); })
      };
    });

    function fits(row, group, wanted) {
      if (level.value && (row.element.dataset.level || group.level) !== level.value) { return false; }
      if (schema && schema.value && row.element.dataset.schema !== schema.value) { return false; }
      if (!wanted.length || holds(group.said, wanted)) { return true; }
      if (row.text === null) { row.text = row.element.textContent.toLowerCase(); }
      return holds(group.said + " " + row.text, wanted);
    }

    function apply() {
      var wanted = words(text.value), shown = 0, filtered = false;
      [text, level, category, type, schema].forEach(function (field) { filtered = filtered || Boolean(field && field.value); });
      categories.forEach(function (part) {
        var inCategory = 0;
        part.groups.forEach(function (group) {
          var here = !(category.value && part.name !== category.value) && !(type.value && group.type !== type.value);
          var inGroup = 0;
          group.rows.forEach(function (row) {
            var visible = here && fits(row, group, wanted);
            if (row.element.hidden === visible) { row.element.hidden = !visible; }
            inGroup += visible ? 1 : 0;
          });
          group.element.hidden = inGroup === 0;
          group.tally.textContent = (inGroup < group.rows.length ? inGroup.toLocaleString("en") + " of " : "") + group.rows.length.toLocaleString("en");
          all(".more", group.element).forEach(function (more) { if (filtered) { more.open = true; } });
          inCategory += inGroup;
        });
        part.element.hidden = inCategory === 0;
        part.tally.textContent = inCategory.toLocaleString("en");
        shown += inCategory;
      });
      var total = groups.reduce(function (sum, group) { return sum + group.rows.length; }, 0);
      one("filter-result").textContent = shown === total ? plural(total, "issue") : shown.toLocaleString("en") + " of " + plural(total, "issue");
      one("filter-nothing").hidden = shown > 0;
    }

    function unfold(open) {
      return function () { groups.forEach(function (group) { if (!group.element.hidden) { group.element.open = open; } }); };
    }
    text.addEventListener("input", later(apply));
    [level, category, type, schema].forEach(function (field) { if (field) { field.addEventListener("change", apply); } });
    form.addEventListener("reset", function () { window.setTimeout(apply, 0); });
    form.addEventListener("submit", function (event) { event.preventDefault(); apply(); });
    one("unfold").addEventListener("click", unfold(true));
    one("fold").addEventListener("click", unfold(false));
    apply();
  }

  function tables() {
    var table = one("measured");
    if (!table) { return; }
    var most = 100, whole = false, body = table.tBodies[0], more = one("tables-all");
    var numeric = all("thead th", table).map(function (heading) { return heading.classList.contains("number"); });
    var text = one("tables-text"), kind = one("tables-kind");
    var rows = all("tr", body).map(function (element) {
      return { element: element, index: element.className === "i", text: element.cells[0].textContent.toLowerCase() };
    });

    function value(row, column) {
      var cell = row.element.cells[column];
      if (!numeric[column]) { return cell.textContent.toLowerCase(); }
      var number = parseFloat(cell.dataset.v || cell.textContent.replace(/[<,]/g, ""));
      return isNaN(number) ? null : number;
    }
    function show() {
      var wanted = words(text.value), fitting = 0;
      rows.forEach(function (row) {
        var fits = holds(row.text, wanted) && (!kind.value || (kind.value === "i") === row.index);
        row.element.hidden = !fits;
        fitting += fits ? 1 : 0;
        row.element.classList.toggle("beyond", fits && !whole && fitting > most);
      });
      one("tables-result").textContent = fitting === rows.length ? rows.length.toLocaleString("en") + " in all" : fitting.toLocaleString("en") + " of " + rows.length.toLocaleString("en");
      more.hidden = whole || fitting <= most;
      more.textContent = "Show all " + fitting.toLocaleString("en");
    }
    function sort(column, heading) {
      var before = heading.getAttribute("aria-sort");
      var down = before ? before === "ascending" : numeric[column];
      all("thead th", table).forEach(function (other) { other.removeAttribute("aria-sort"); });
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.forEach(function (row) { row.key = value(row, column); });
      rows.sort(function (a, b) {
        if (a.key === b.key) { return a.text < b.text ? -1 : a.text > b.text ? 1 : 0; }
        if (a.key === null) { return 1; }
        if (b.key === null) { return -1; }
        return (a.key < b.key ? -1 : 1) * (down ? -1 : 1);
      });
      rows.forEach(function (row) { body.appendChild(row.element); });
      show();
    }
    all("thead th", table).forEach(function (heading, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", "Sort by " + heading.textContent.toLowerCase());
      heading.appendChild(button);
      button.addEventListener("click", function () { sort(column, heading); });
    });
    text.addEventListener("input", later(show));
    kind.addEventListener("change", show);
    text.form.addEventListener("submit", function (event) { event.preventDefault(); show(); });
    more.addEventListener("click", function () { whole = true; show(); });
    show();
  }

  function openTarget() {
    var target = location.hash.length > 1 ? one(decodeURIComponent(location.hash.slice(1))) : null;
    for (var part = target; part; part = part.parentElement) { if (part.tagName === "DETAILS") { part.open = true; } }
  }

  function printing() {
    var opened = [];
    window.addEventListener("beforeprint", function () {
      opened = all("details:not([open])");
      opened.forEach(function (part) { part.open = true; });
    });
    window.addEventListener("afterprint", function () {
      opened.forEach(function (part) { part.open = false; });
      opened = [];
    });
  }

  function contents() {
    if (!("IntersectionObserver" in window)) { return; }
    var links = {};
    all(".contents a").forEach(function (link) { links[link.getAttribute("href").slice(1)] = link; });
    var watcher = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting || !links[entry.target.id]) { return; }
        all(".contents a.here").forEach(function (link) { link.classList.remove("here"); link.removeAttribute("aria-current"); });
        links[entry.target.id].classList.add("here");
        links[entry.target.id].setAttribute("aria-current", "true");
      });
    }, { rootMargin: "-10% 0px -80% 0px" });
    all("main > section").forEach(function (section) { watcher.observe(section); });
  }

  issues();
  tables();
  printing();
  contents();
  window.addEventListener("hashchange", openTarget);
  openTarget();
}());
