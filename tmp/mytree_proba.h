


    // !!! This file is generated using emlearn !!!

    #include <stdint.h>
    

static inline int32_t mytree_tree_0(const int16_t *features, int32_t features_length) {
          if (features[110] < 1962) {
              if (features[70] < 727) {
                  if (features[14] < 532) {
                      if (features[117] < 172) {
                          if (features[18] < 1703) {
                              return 0;
                          } else {
                              return 1;
                          }
                      } else {
                          if (features[81] < -767) {
                              return 1;
                          } else {
                              return 1;
                          }
                      }
                  } else {
                      if (features[18] < 2798) {
                          if (features[51] < 2241) {
                              return 0;
                          } else {
                              return 1;
                          }
                      } else {
                          return 1;
                      }
                  }
              } else {
                  return 0;
              }
          } else {
              return 1;
          }
        }
        

static inline int32_t mytree_tree_1(const int16_t *features, int32_t features_length) {
          if (features[112] < 692) {
              if (features[162] < -899) {
                  if (features[0] < -181) {
                      return 1;
                  } else {
                      return 0;
                  }
              } else {
                  if (features[24] < -45) {
                      if (features[0] < -161) {
                          return 1;
                      } else {
                          return 0;
                      }
                  } else {
                      if (features[80] < -972) {
                          if (features[163] < 172) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          if (features[124] < 754) {
                              return 0;
                          } else {
                              return 1;
                          }
                      }
                  }
              }
          } else {
              if (features[138] < -1122) {
                  if (features[130] < 274) {
                      return 1;
                  } else {
                      return 0;
                  }
              } else {
                  if (features[98] < -451) {
                      return 0;
                  } else {
                      if (features[20] < -607) {
                          return 0;
                      } else {
                          return 1;
                      }
                  }
              }
          }
        }
        

static inline int32_t mytree_tree_2(const int16_t *features, int32_t features_length) {
          if (features[152] < 765) {
              if (features[42] < -485) {
                  if (features[144] < 1304) {
                      if (features[6] < -1453) {
                          if (features[0] < -85) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          if (features[72] < -1053) {
                              return 0;
                          } else {
                              return 1;
                          }
                      }
                  } else {
                      return 0;
                  }
              } else {
                  if (features[0] < -200) {
                      return 1;
                  } else {
                      return 0;
                  }
              }
          } else {
              if (features[4] < 291) {
                  if (features[66] < 34) {
                      if (features[121] < -848) {
                          return 1;
                      } else {
                          return 0;
                      }
                  } else {
                      return 0;
                  }
              } else {
                  return 0;
              }
          }
        }
        

static inline int32_t mytree_tree_3(const int16_t *features, int32_t features_length) {
          if (features[6] < 839) {
              if (features[3] < 1340) {
                  if (features[67] < -103) {
                      if (features[149] < -1441) {
                          return 0;
                      } else {
                          if (features[147] < 739) {
                              return 1;
                          } else {
                              return 0;
                          }
                      }
                  } else {
                      return 0;
                  }
              } else {
                  if (features[85] < 2096) {
                      return 0;
                  } else {
                      return 1;
                  }
              }
          } else {
              if (features[73] < 764) {
                  if (features[54] < 1559) {
                      if (features[165] < 809) {
                          if (features[20] < 3443) {
                              return 0;
                          } else {
                              return 1;
                          }
                      } else {
                          return 1;
                      }
                  } else {
                      return 1;
                  }
              } else {
                  return 1;
              }
          }
        }
        

static inline int32_t mytree_tree_4(const int16_t *features, int32_t features_length) {
          if (features[36] < -729) {
              if (features[138] < -1068) {
                  if (features[0] < -315) {
                      return 1;
                  } else {
                      return 0;
                  }
              } else {
                  if (features[3] < 1524) {
                      if (features[110] < 261) {
                          if (features[124] < 1613) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          if (features[33] < 752) {
                              return 1;
                          } else {
                              return 0;
                          }
                      }
                  } else {
                      return 0;
                  }
              }
          } else {
              if (features[139] < 1276) {
                  if (features[65] < 463) {
                      if (features[140] < 392) {
                          if (features[75] < 1965) {
                              return 0;
                          } else {
                              return 1;
                          }
                      } else {
                          if (features[121] < -899) {
                              return 1;
                          } else {
                              return 0;
                          }
                      }
                  } else {
                      return 0;
                  }
              } else {
                  return 1;
              }
          }
        }
        

static inline int32_t mytree_tree_5(const int16_t *features, int32_t features_length) {
          if (features[118] < 287) {
              if (features[118] < -1467) {
                  if (features[0] < -200) {
                      return 1;
                  } else {
                      return 0;
                  }
              } else {
                  if (features[102] < -987) {
                      if (features[58] < -828) {
                          return 0;
                      } else {
                          return 1;
                      }
                  } else {
                      if (features[29] < 2190) {
                          if (features[16] < -662) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          if (features[26] < -507) {
                              return 0;
                          } else {
                              return 1;
                          }
                      }
                  }
              }
          } else {
              if (features[97] < 425) {
                  if (features[67] < -77) {
                      if (features[20] < 345) {
                          if (features[43] < -2091) {
                              return 0;
                          } else {
                              return 1;
                          }
                      } else {
                          if (features[83] < 259) {
                              return 0;
                          } else {
                              return 1;
                          }
                      }
                  } else {
                      if (features[159] < 237) {
                          return 0;
                      } else {
                          return 1;
                      }
                  }
              } else {
                  if (features[0] < -315) {
                      return 1;
                  } else {
                      return 0;
                  }
              }
          }
        }
        

static inline int32_t mytree_tree_6(const int16_t *features, int32_t features_length) {
          if (features[92] < -1186) {
              return 1;
          } else {
              if (features[21] < 473) {
                  if (features[85] < 537) {
                      if (features[6] < -931) {
                          if (features[146] < -339) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          if (features[1] < -973) {
                              return 0;
                          } else {
                              return 0;
                          }
                      }
                  } else {
                      if (features[14] < 611) {
                          if (features[120] < 805) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          return 0;
                      }
                  }
              } else {
                  if (features[165] < -117) {
                      if (features[81] < 689) {
                          return 1;
                      } else {
                          return 0;
                      }
                  } else {
                      if (features[82] < 585) {
                          if (features[36] < -169) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          return 1;
                      }
                  }
              }
          }
        }
        

static inline int32_t mytree_tree_7(const int16_t *features, int32_t features_length) {
          if (features[112] < 1571) {
              if (features[97] < 540) {
                  if (features[76] < 286) {
                      if (features[129] < -1000) {
                          if (features[102] < -639) {
                              return 0;
                          } else {
                              return 0;
                          }
                      } else {
                          if (features[148] < 943) {
                              return 1;
                          } else {
                              return 0;
                          }
                      }
                  } else {
                      if (features[102] < -497) {
                          if (features[22] < 746) {
                              return 0;
                          } else {
                              return 1;
                          }
                      } else {
                          return 0;
                      }
                  }
              } else {
                  if (features[134] < 1123) {
                      if (features[26] < 903) {
                          return 0;
                      } else {
                          if (features[42] < -1737) {
                              return 1;
                          } else {
                              return 0;
                          }
                      }
                  } else {
                      if (features[16] < -132) {
                          return 1;
                      } else {
                          return 0;
                      }
                  }
              }
          } else {
              return 1;
          }
        }
        

static inline int32_t mytree_tree_8(const int16_t *features, int32_t features_length) {
          if (features[79] < 1199) {
              if (features[155] < 1100) {
                  if (features[0] < -181) {
                      return 1;
                  } else {
                      return 0;
                  }
              } else {
                  if (features[12] < 1199) {
                      if (features[78] < -1121) {
                          if (features[0] < -372) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          if (features[18] < 2690) {
                              return 0;
                          } else {
                              return 1;
                          }
                      }
                  } else {
                      return 1;
                  }
              }
          } else {
              return 1;
          }
        }
        

static inline int32_t mytree_tree_9(const int16_t *features, int32_t features_length) {
          if (features[140] < 317) {
              if (features[0] < -181) {
                  return 1;
              } else {
                  return 0;
              }
          } else {
              if (features[3] < 847) {
                  if (features[89] < 403) {
                      if (features[109] < 688) {
                          if (features[76] < 1004) {
                              return 1;
                          } else {
                              return 0;
                          }
                      } else {
                          return 0;
                      }
                  } else {
                      if (features[73] < 440) {
                          if (features[133] < 1693) {
                              return 0;
                          } else {
                              return 1;
                          }
                      } else {
                          if (features[67] < -77) {
                              return 1;
                          } else {
                              return 0;
                          }
                      }
                  }
              } else {
                  return 0;
              }
          }
        }
        

int32_t mytree_predict(const int16_t *features, int32_t features_length) {

        int32_t votes[2] = {0,};
        int32_t _class = -1;

        _class = mytree_tree_0(features, features_length); votes[_class] += 1;
    _class = mytree_tree_1(features, features_length); votes[_class] += 1;
    _class = mytree_tree_2(features, features_length); votes[_class] += 1;
    _class = mytree_tree_3(features, features_length); votes[_class] += 1;
    _class = mytree_tree_4(features, features_length); votes[_class] += 1;
    _class = mytree_tree_5(features, features_length); votes[_class] += 1;
    _class = mytree_tree_6(features, features_length); votes[_class] += 1;
    _class = mytree_tree_7(features, features_length); votes[_class] += 1;
    _class = mytree_tree_8(features, features_length); votes[_class] += 1;
    _class = mytree_tree_9(features, features_length); votes[_class] += 1;
    
        int32_t most_voted_class = -1;
        int32_t most_voted_votes = 0;
        for (int32_t i=0; i<2; i++) {

            if (votes[i] > most_voted_votes) {
                most_voted_class = i;
                most_voted_votes = votes[i];
            }
        }
        return most_voted_class;
    }
    

int mytree_predict_proba(const int16_t *features, int32_t features_length, float *out, int out_length) {

        int32_t _class = -1;

        for (int i=0; i<out_length; i++) {
            out[i] = 0.0f;
        }

        _class = mytree_tree_0(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_1(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_2(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_3(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_4(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_5(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_6(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_7(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_8(features, features_length); out[_class] += 1.0f;
    _class = mytree_tree_9(features, features_length); out[_class] += 1.0f;
    
        // compute mean
        for (int i=0; i<out_length; i++) {
            out[i] = out[i] / 10;
        }
        return 0;
    }
    

            int32_t
            predict_wrapper(const float *values, int length) {
                // Convert to whatever is needed for inline
                int16_t features[167];
                for (int i=0; i<length; i++) {
                    features[i] = (int16_t)values[i];
                }
                const int32_t out = mytree_predict(features, length);
                if (out < 0) {
                    return -out;
                }
                return out;
            }

            int
            predict_proba_wrapper(const float *values, int length, float *outputs, int n_outputs) {
                // Convert to whatever is needed for inline
                int16_t features[167];
                for (int i=0; i<length; i++) {
                    features[i] = (int16_t)values[i];
                }

                const int err =                     mytree_predict_proba(features, length, outputs, n_outputs);

                return err;
            }
            