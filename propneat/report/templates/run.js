const told = document.querySelector("#told"), drawing = document.querySelector(".drawing"), zoom = document.querySelector("#zoom");
const tell = event => {
  const part = event.target.closest("[data-node],[data-edge]");
  if (part) told.textContent = part.querySelector("title").textContent;
};
drawing.addEventListener("pointerover", tell);
drawing.addEventListener("click", tell);
const picture = drawing.querySelector("svg");
zoom.hidden = picture.width.baseVal.value <= drawing.clientWidth;
zoom.addEventListener("click", () => {
  zoom.textContent = drawing.classList.toggle("full") ? "Fit to the page" : "Full size";
});
