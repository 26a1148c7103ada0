exports.up = (pgm) => {
  pgm.addColumns("orders", { paid_at: "timestamptz" });
};
