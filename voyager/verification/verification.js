(function () {
  "use strict";
  Array.prototype.forEach.call(document.querySelectorAll("time[data-age]"), function (element) {
    var seconds = (Date.now() - Date.parse(element.getAttribute("datetime"))) / 1000;
    if (!(seconds >= 0)) { return; }
    var said = seconds < 5400 ? Math.round(seconds / 60) + " min"
      : seconds < 259200 ? Math.round(seconds / 360) / 10 + " h" : Math.round(seconds / 8640) / 10 + " days";
    element.insertAdjacentText("afterend", " (" + said + " ago)");
  });
}());
